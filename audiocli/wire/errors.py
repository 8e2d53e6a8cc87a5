"""Errors in OpenAI's form, in both directions, and in the forms of compatible services."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    CapabilityError,
    ConfigError,
    ConnectError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    DeadlineError,
    DependencyError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ReplyError,
    ServerError,
    ServiceUnavailableError,
    UnknownModelError,
    UnprocessableEntityError,
    UsageError,
)
from audiocli.printable import one_line
from audiocli.wire.json import parse

_RETRYABLE_STATUSES = frozenset({408, 409, 429})
_QUOTA = "insufficient_quota"

_WORDS: Mapping[type[AudiocliError], tuple[str, str | None]] = {
    UnknownModelError: ("invalid_request_error", "model_not_found"),
    ConfigError: ("server_error", None),
    UsageError: ("invalid_request_error", None),
    InputError: ("invalid_request_error", None),
    CapabilityError: ("invalid_request_error", "unsupported_value"),
    DependencyError: ("server_error", "not_installed"),
    AuthenticationError: ("authentication_error", "invalid_api_key"),
    RejectedError: ("invalid_request_error", None),
    RateLimitError: ("rate_limit_error", "rate_limit_exceeded"),
    ConnectError: ("server_error", "connection_error"),
    DeadlineError: ("timeout_error", "timeout"),
    ReplyError: ("server_error", "invalid_reply"),
}
"""`type` and `code` of our own errors. Those that are not here are the server's fault."""

_CLASSES: Mapping[Any, type[ProviderError]] = {
    "connection_error": ConnectError,
    "timeout": DeadlineError,
    "invalid_reply": ReplyError,
}
"""What a code says that the HTTP status does not."""

_STATUSES: Mapping[str, int] = {
    # OpenAI's
    "invalid_api_key": 401,
    "rate_limit_exceeded": 429,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "server_error": 500,
    "engine_overloaded": 503,
    "service_unavailable": 503,
    "timeout": 504,
    # Anthropic's
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
    "timeout_error": 504,
    # Google's
    "invalid_argument": 400,
    "failed_precondition": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "resource_exhausted": 429,
    "internal": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
    # vLLM's
    "badrequesterror": 400,
    "authenticationerror": 401,
    "notfounderror": 404,
    "internalservererror": 500,
}
"""The status that a code, or a type, stands for in an error that came without one; in lower case."""

_WITHOUT_STATUS = 500  # what an error counts as that says nothing of its kind


def encode_error(error: AudiocliError) -> dict[str, Any]:
    """`error` in OpenAI's form, with the service's own words for it where it came from one.

    The HTTP status that goes with it is `error.status_code`.
    """
    words = (words for known, words in _WORDS.items() if isinstance(error, known))
    kind, code = next(words, ("server_error", None))
    param = None
    match error:
        case UnknownModelError():
            param = "model"
        case InputError():
            code, param = error.code, error.param
        case CapabilityError():
            param = error.param
        case ProviderError():
            told = error.status is not None or error.type is not None
            kind, code, param = error.type or kind, error.code or (None if told else code), error.param
    return {"error": {"message": str(error), "type": kind, "param": param, "code": code}}


_HINTS = {
    402: "check the plan and billing of the account",
    404: "check the model's name and the base URL",
    413: "send less audio",
    429: "try again later",
}


def decode_error(document: Any, status: int | None = None) -> ProviderError:
    """The error in an answer's JSON document, whatever shape the service gives it.

    `status` is the answer's HTTP status; None for an error inside an answer, which counts as the HTTP error
    that its code or its type stands for.
    """
    body = _error_body(document)
    code, kind = body.get("code"), body.get("type")
    quota = _QUOTA in (code, kind)
    told = _told_status(body) if status is None else status
    meant = 402 if quota else _meant_status(told, code)
    message = _shown(body.get("message")) or "the service gave no reason"
    error = _error_class(meant, code, message)
    return error(
        message if status is None else f"{message} (HTTP {status})",
        hint="check the API key" if issubclass(error, AuthenticationError) else _HINTS.get(meant),
        status=told,
        type=_shown(kind),
        code=_shown(code),
        param=_shown(body.get("param")),
        retryable=(meant in _RETRYABLE_STATUSES or meant >= 500) and not quota,
    )


def is_error(document: Mapping[str, Any]) -> bool:
    """Whether `document`, which came in place of an answer or of a part of one, is an error."""
    if document.get("error") or "error" in (document.get("object"), document.get("type")):
        return True
    if document.get("choices") or document.get("usage") or not _CONTENTS.isdisjoint(document):
        return False
    return any(document.get(name) for name in _REASONS) or document.get("error") is not None


_REASONS = ("message", "detail", "errors", "msg")
_CONTENTS = frozenset({"text", "delta", "audio", "audio_data", "segments", "words", "transcript"})
"""Members of answers and of events, which may hold a message beside them."""


def answer_error(document: Mapping[str, Any]) -> ProviderError | None:
    """The error in place of the answer of a chat, or of a chunk of one: its own, or one of its choices'."""
    if is_error(document):
        return decode_error(document)
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        match choice:
            case {"error": error} if error:
                return decode_error(choice)
            case {"finish_reason": "error"}:
                return decode_error({"message": "the service ended the answer with an error"})
    return None


def decode_failure(payload: bytes) -> ProviderError:
    """The error in an event that is called one, whatever its payload is."""
    try:
        document = parse(payload)
    except ReplyError:
        document = {"message": payload.decode("utf-8", "replace")}
    return decode_error(document)


def _error_body(document: Any) -> dict[str, Any]:
    match document:
        case {"error": dict(body)} | {"detail": dict(body)}:
            return _upstream_body(body)
        case {"error": [dict() as first, *_]} | {"errors": [dict() as first, *_]}:
            return _upstream_body(first)
        case {"error": str(message)} | {"message": str(message)} | {"detail": str(message)}:
            return {**document, "message": message}
        case {"msg": str(message)} | {"errors": [str(message), *_]}:
            return {**document, "message": message}
        case {"detail": [{"msg": str(message)}, *_]}:  # FastAPI's validation
            return {"message": message}
        case [dict(first), *_]:  # Gemini's compatible endpoint
            return _error_body(first)
    return {}


def _upstream_body(body: dict[str, Any]) -> dict[str, Any]:
    """OpenRouter wraps what the model's own service said, which tells more than "Provider returned error"."""
    match body:
        case {"metadata": {"raw": str(raw)}} if raw:
            return {**body, "message": _raw_message(raw)}
    return body


def _raw_message(raw: str) -> Any:
    try:
        return _error_body(parse(raw)).get("message") or raw
    except ReplyError:
        return raw


def _told_status(body: Mapping[str, Any]) -> int | None:
    """The HTTP status that an error inside an answer says that it is."""
    for name in ("code", "status_code", "status", "type"):
        value = body.get(name)
        if isinstance(value, str):
            value = int(value) if value.isdecimal() and len(value) == 3 else _STATUSES.get(value.lower())
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _meant_status(status: int | None, code: Any) -> int:
    if code in ("invalid_api_key", "rate_limit_exceeded"):
        return _STATUSES[code]
    return _WITHOUT_STATUS if status is None else status


def _error_class(status: int, code: Any, message: str) -> type[ProviderError]:
    if isinstance(code, str) and code in _CLASSES:
        return _CLASSES[code]
    if status in _REFUSING and (refusal := _refused(code, message)):
        return _REFUSED[refusal]
    return _BY_STATUS.get(status, RejectedError if status < 500 else ServerError)


_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: AuthenticationError,
    402: RateLimitError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: DeadlineError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    503: ServiceUnavailableError,
    504: DeadlineError,
}


def _shown(value: Any) -> str | None:
    """A value as a line of text; None for what is none and for what no line can tell."""
    return one_line(str(value)) or None if isinstance(value, str | int | float) else None


# What a model refuses

Refusal = Literal["context_window", "content_policy"]

_REFUSALS: Mapping[str, Refusal] = {
    "context_length_exceeded": "context_window",
    "string_above_max_length": "context_window",
    "content_filter": "content_policy",
    "content_policy_violation": "content_policy",
    "moderation_blocked": "content_policy",
    "responsibleaipolicyviolation": "content_policy",
}
_REFUSAL_WORDS: Mapping[Refusal, re.Pattern[str]] = {
    "context_window": re.compile(
        r"maximum context (?:length|limit)|context (?:length|window|size)|string too long"
        r"|input tokens exceed|exceeds? the (?:available context|maximum number of tokens)",
        re.IGNORECASE,
    ),
    "content_policy": re.compile(
        r"content[ _](?:management |usage )?policy|content_filter|safety system|responsibleaipolicy",
        re.IGNORECASE,
    ),
}


_REFUSING = (400, 413, 422)
"""The statuses of such a refusal."""

_REFUSED: Mapping[Refusal, type[RejectedError]] = {
    "context_window": ContextWindowExceededError,
    "content_policy": ContentPolicyViolationError,
}


def _refused(code: Any, message: str) -> Refusal | None:
    known = _REFUSALS.get(code.lower()) if isinstance(code, str) else None
    return known or next((why for why, words in _REFUSAL_WORDS.items() if words.search(message)), None)


def refusal_of(error: ProviderError) -> Refusal | None:
    """Why a model refuses a request that another may take; `None` for every other error."""
    if not isinstance(error, RejectedError) or error.status not in (*_REFUSING, None):
        return None
    return _refused(error.code, error.message)
