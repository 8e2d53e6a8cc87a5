"""What a gateway would serve, for whoever checks a config: each name, who is asked for it, and where."""

from collections.abc import Iterator
from typing import Any

from audiocli.capabilities.dates import today
from audiocli.providers.registry import is_unknown, path_of
from audiocli.providers.suiting import ending_of_kind
from audiocli.proxy.model_list import SOON_DAYS
from audiocli.proxy.settings import Settings
from audiocli.router import Deployment
from audiocli.secret import without_secrets


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
        "url": _url(deployment),
        "remark": _remark(deployment, settings),
    }


def _url(deployment: Deployment) -> str | None:
    """The address that is asked, without what is secret in it; of a row for many models its base."""
    target = deployment.target
    if target.endpoint is None or target.answer is not None:
        return None
    if "*" in target.model:
        return without_secrets(target.endpoint.base_url)
    return without_secrets(target.endpoint.at(path_of(target)))


def _remark(deployment: Deployment, settings: Settings) -> str | None:
    target, date = deployment.target, today()
    if target.answer is not None:
        return "mock_response"
    known = target.capabilities
    if known is not None and known.ends_within(SOON_DAYS, date):
        return ending_of_kind(known, date)
    return "unknown model" if is_unknown(target, settings.table) else None
