"""What a gateway would serve, for whoever checks a config: each name, who is asked for it, and where."""

from collections.abc import Iterator
from typing import Any

from audiocli.catalog.dates import today
from audiocli.gateway.config.model_list import SOON_DAYS
from audiocli.gateway.config.settings import Settings
from audiocli.providers.naming import is_unknown
from audiocli.providers.registry import address
from audiocli.providers.suiting import ending_of_kind
from audiocli.providers.target import MOCK_WIRE
from audiocli.router import Deployment


def rows(settings: Settings) -> list[dict[str, Any]]:
    """A row for each deployment, in the order of the config."""
    return [_row(each, settings) for each in settings.deployments]


def lines(settings: Settings) -> Iterator[str]:
    """The same to read, and the further names that models have."""
    for row in rows(settings):
        remark = f" ({row['remark']})" if row["remark"] else ""
        yield f"{row['model_name']}: {row['model']}, {row['url'] or 'in this process'}{remark}"
    for alias, group in settings.policy.aliases.items():
        yield f"{alias}: another name of {group}"


def _row(deployment: Deployment, settings: Settings) -> dict[str, Any]:
    return {
        "model_name": deployment.group,
        "model": deployment.target.name,
        "url": address(deployment.target, deployment.target.ability),
        "remark": _remark(deployment, settings),
    }


def _remark(deployment: Deployment, settings: Settings) -> str | None:
    target, date = deployment.target, today()
    if target.wire == MOCK_WIRE:
        return "mock_response"
    known = target.capabilities
    if known is not None and known.ends_within(SOON_DAYS, date):
        return ending_of_kind(known, date)
    return "unknown model" if is_unknown(target, settings.table) else None
