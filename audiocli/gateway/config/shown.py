"""The settings as they have been understood, for a person to read. Keys stay hidden."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import yaml

from audiocli.gateway.config.settings import Settings
from audiocli.router import Deployment
from audiocli.secret import redact_key_shapes
from audiocli.wire.litellm import HARMLESS

HIDDEN = "***"

_KNOWN_OF_A_MODEL = ("supports_", "max_", "input_cost", "output_cost", "cache_")
_INFO = frozenset({"base_model", "id", "mode", "supported_output_modalities", "supported_modalities"})


def as_yaml(settings: Settings) -> str:
    """`settings` in the form of a config."""
    policy = settings.policy
    document = {
        "model_list": [_row(each) for each in settings.deployments],
        "router_settings": {
            "routing_strategy": policy.strategy,
            "num_retries": policy.retries,
            "timeout": settings.timeout,
            "allowed_fails": policy.allowed_fails,
            "cooldown_time": policy.cooldown_time,
            "fallbacks": [{name: list(others)} for name, others in policy.fallbacks.items()],
            "default_fallbacks": list(policy.default_fallbacks),
            "model_group_alias": {
                name: {"model": group, "hidden": name in policy.hidden}
                for name, group in policy.aliases.items()
            },
        },
        "general_settings": {"master_key": HIDDEN if settings.master_key else None},
        "audiocli_settings": {
            "allowed_hosts": sorted(settings.allowed_hosts),
            "stream_normalize": settings.normalise,
            **asdict(settings.bounds),
        },
    }
    # Through JSON: plain mappings and lists, whatever they were.
    plain = json.loads(redact_key_shapes(json.dumps(document, default=str)))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _row(deployment: Deployment) -> dict[str, Any]:
    target = deployment.target
    params = {
        "model": target.name,
        "api_base": target.base_url,
        "api_key": HIDDEN if target.secret else None,
        "extra_headers": dict.fromkeys(target.headers, HIDDEN),
        "timeout": deployment.timeout,
        "max_retries": deployment.retries,
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "weight": deployment.weight,
        "order": deployment.order,
        "extra_body": _members(deployment.extra_body),
        "drop_params": deployment.drops_unsupported or None,
        "additional_drop_params": sorted(deployment.drop),
    }
    said = {name: value for name, value in params.items() if value not in (None, {}, [])}
    row: dict[str, Any] = {"model_name": deployment.group, "litellm_params": said}
    return {**row, "model_info": {"id": deployment.id, **_info(deployment.model_info)}}


def _members(added: Mapping[str, Any]) -> dict[str, Any]:
    """What is added to a request: a value that could be a key, or somebody's words, is hidden."""
    return {name: _shown(value) if name in HARMLESS else HIDDEN for name, value in added.items()}


def _shown(value: Any) -> Any:
    match value:
        case dict():
            return _members(value)
        case list():
            return [_shown(each) for each in value]
    return value


def _info(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a model: abilities, limits and prices are for everybody."""
    public = (name in _INFO or name.startswith(_KNOWN_OF_A_MODEL) for name in given)
    return {
        name: value if shown else HIDDEN for (name, value), shown in zip(given.items(), public, strict=True)
    }
