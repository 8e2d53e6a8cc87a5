"""What the embedded model does with the members of a chat request: it honours them, or refuses them by name.

What changes nothing in an answer (`user`, `store`, `service_tier`, `prediction` and the like) is ignored, and
so are tools that it may call, but need not: it never does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from audiocli.chat import ChatRequest
from audiocli.errors import CapabilityError, InputError
from audiocli.local.think import Sampling

MOST_STOPS = 4  # as OpenAI has it


@dataclass(frozen=True)
class _Limit:
    """`goes_beyond` says whether a value asks for more than the model does."""

    goes_beyond: Callable[[Any], bool]
    what: str
    hint: str


def _is_forced(choice: Any) -> bool:
    match choice:
        case "auto" | "none" | {"allowed_tools": {"mode": "auto"}}:
            return False
    return True


def _is_unknown_kind(modalities: Any) -> bool:
    return not (isinstance(modalities, list) and all(each in ("text", "audio") for each in modalities))


_ANYTHING = bool
_HOSTED = "leave it out, or ask a hosted model"
_LIMITS: Mapping[str, _Limit] = {
    "function_call": _Limit(_is_forced, "calls no functions", "leave it to the model, or ask a hosted one"),
    "logit_bias": _Limit(_ANYTHING, "has tokens of its own", _HOSTED),
    "logprobs": _Limit(_ANYTHING, "tells no log probabilities", _HOSTED),
    "modalities": _Limit(_is_unknown_kind, "answers in text and audio only", "ask for one of them"),
    "moderation": _Limit(_ANYTHING, "has no moderation", _HOSTED),
    "n": _Limit(lambda count: count != 1, "gives one answer to a request", "ask for 1, or ask several times"),
    "response_format": _Limit(
        lambda format: not (isinstance(format, dict) and format.get("type") == "text"),
        "writes plain text, no JSON",
        _HOSTED,
    ),
    "tool_choice": _Limit(_is_forced, "calls no tools", "leave it to the model, or ask a hosted one"),
    "top_logprobs": _Limit(_ANYTHING, "tells no log probabilities", _HOSTED),
    "web_search_options": _Limit(lambda options: True, "does not search the web", _HOSTED),
}

_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}


def sampling(request: ChatRequest) -> Sampling:
    """How `request` is to be answered.

    Raises `CapabilityError` for what the model does not do, and `InputError` for values that make no sense,
    each with the member's name.
    """
    members = {name: value for name, value in request.extra.items() if value is not None}
    for name in sorted(_LIMITS.keys() & members.keys()):
        if (limit := _LIMITS[name]).goes_beyond(members[name]):
            raise CapabilityError(f"the embedded model {limit.what}", hint=limit.hint, param=name)
    if request.max_tokens is not None and request.max_tokens < 1:
        raise InputError("an answer has 1 token or more", param="max_completion_tokens")
    given = {"temperature": request.temperature, **members}
    chosen = {name: _within(name, value) for name in _RANGES if (value := given.get(name)) is not None}
    stop = _stops(members.get("stop"))
    return Sampling(max_tokens=request.max_tokens, seed=request.seed, stop=stop, **chosen)


def _within(name: str, value: Any) -> float:
    least, most = _RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError(f"the request's {name!r} is no number from {least:g} to {most:g}", param=name)
    return float(value)


def _stops(stop: Any) -> tuple[str, ...]:
    """What an answer ends before."""
    listed = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise InputError("the request's 'stop' is neither text nor a list of texts", param="stop")
    if len(listed) > MOST_STOPS:
        raise InputError(f"the request's 'stop' has more than {MOST_STOPS} texts", param="stop")
    return tuple(each for each in listed if each)
