"""What clients may ask for: the names of models, as OpenAI lists them and as LiteLLM tells of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from audiocli.catalog import Capabilities
from audiocli.catalog.dates import today
from audiocli.catalog.litellm_form import model_info
from audiocli.gateway.state import State
from audiocli.providers.hosts import HOSTS
from audiocli.providers.target import Target
from audiocli.router import Deployment

CREATED = 1677610602  # of every model, as LiteLLM has it: nobody knows

Row = dict[str, Any]

_MODES = {"transcription": "audio_transcription", "speech": "audio_speech"}  # LiteLLM's words
_SERVED = ("chat", "transcription", "speech")
_SUPPORTED = (
    "supports_vision",
    "supports_function_calling",
    "supports_parallel_function_calling",
    "supports_reasoning",
    "supports_web_search",
)
"""What only a config's `model_info` tells."""


# Names


def names(state: State) -> tuple[str, ...]:
    """What may be asked for: groups, aliases, and of wildcards what is known to be behind them."""
    patterns = [each for each in state.router.deployments if "*" in each.group]
    known = (name for each in patterns for name in _behind(each, state))
    return tuple(dict.fromkeys((*state.router.names, *known)))


def _behind(wildcard: Deployment, state: State) -> Iterator[str]:
    """The names that clients have for the models of a host whose models are known."""
    before, star, after = wildcard.target.model.partition("*")
    host = _host(wildcard.target)
    if not star or host is None:
        return
    date = today()
    for known in state.settings.table.models_of(host):
        model = known.id.removeprefix(f"{host}/")
        fits = len(model) >= len(before + after) and model.startswith(before) and model.endswith(after)
        if known.mode in _SERVED and fits and not known.is_retired(date):
            yield wildcard.group.replace("*", model[len(before) : len(model) - len(after)], 1)


def _host(target: Target) -> str | None:
    """The host whose server `target` is at."""
    return next((name for name, host in HOSTS.items() if host.base_url == target.base_url), None)


def provider(target: Target) -> str:
    """Who serves it: the host, or the kind of provider."""
    return _host(target) or target.provider


def speaks(deployments: Sequence[Deployment]) -> bool:
    """Whether a chat with them may be answered aloud, as far as is known."""
    known = (each.target.capabilities for each in deployments)
    return any(
        each is None or (each.mode in (None, "chat") and each.audio_output is not False) for each in known
    )


# As OpenAI has them


def model_document(name: str, deployments: Sequence[Deployment]) -> Row:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": provider(deployments[0].target)}


# As LiteLLM has them


def place(deployment: Deployment) -> Row:
    """Where a deployment is: neither its key, nor its headers, nor what its address has of secrets."""
    target = deployment.target
    found = {"model": f"{provider(target)}/{target.model}"}
    if (own := None if _host(target) else target.base_url) is not None:
        found["api_base"] = own
    return found


def info_document(deployment: Deployment) -> Row:
    """A row of `/model/info`."""
    limits = {"rpm": deployment.rpm, "tpm": deployment.tpm}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {
        "model_name": deployment.group,
        "litellm_params": place(deployment) | given,
        "model_info": _facts(deployment),
    }


def _facts(deployment: Deployment) -> Row:
    known = deployment.target.capabilities or Capabilities(id=deployment.target.model)
    return {
        "id": deployment.id,
        **model_info(known.as_of(today())),
        **dict.fromkeys(_SUPPORTED),
        "litellm_provider": provider(deployment.target),
        **deployment.model_info,
    }


def group_document(name: str, deployments: Sequence[Deployment]) -> Row:
    """A row of `/model_group/info`: of limits and prices the largest, of abilities what any can do."""
    facts = [_facts(each) for each in deployments]
    return {
        "model_group": name,
        "providers": list(dict.fromkeys(provider(each.target) for each in deployments)),
        "max_input_tokens": _largest(facts, "max_input_tokens"),
        "max_output_tokens": _largest(facts, "max_output_tokens"),
        "mode": next((each["mode"] for each in facts if each["mode"]), None),
        "supports_audio_output": _any(facts, "supports_audio_output"),
        "supports_audio_input": _any(facts, "supports_audio_input"),
        **{fact: _any(facts, fact) for fact in _SUPPORTED},
        "input_cost_per_token": _largest(facts, "input_cost_per_token"),
        "output_cost_per_token": _largest(facts, "output_cost_per_token"),
        "rpm": _sum([each.rpm for each in deployments]),
        "tpm": _sum([each.tpm for each in deployments]),
    }


def _largest(facts: Sequence[Row], name: str) -> float | None:
    known = [each[name] for each in facts if isinstance(each[name], int | float)]
    return max(known, default=None)


def _any(facts: Sequence[Row], name: str) -> bool | None:
    """True where one can, false where none can, and null where nobody knows."""
    known = [each[name] for each in facts]
    return True if True in known else None if None in known else False


def _sum(limits: Sequence[int | None]) -> int | None:
    """Null where one of them takes as much as comes."""
    known = [limit for limit in limits if limit is not None]
    return sum(known) if len(known) == len(limits) else None
