"""Errors in OpenAI's form, in both directions, and in the forms of compatible services."""

from collections.abc import Mapping
from typing import Any

from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    CapabilityError,
    ConfigError,
    ConnectError,
    DeadlineError,
    DependencyError,
    InputError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ReplyError,
    ServerError,
    UnknownModelError,
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

_STATUSES: Mapping[Any, int] = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "model_not_found": 404,
    "invalid_request_error": 400,
}
"""The status that a code, or a type, stands for in an error that came without one."""


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

    `status` is the answer's HTTP status; None for an error inside an answer, which is not retried.
    """
    body = _error_body(document)
    code, kind = body.get("code"), body.get("type")
    quota = _QUOTA in (code, kind)
    meant = 402 if quota else _meant_status(status, code, kind)
    error = _error_class(meant, code)
    message = _shown(body.get("message")) or "the service gave no reason"
    return error(
        message if status is None else f"{message} (HTTP {status})",
        hint="check the API key" if error is AuthenticationError else _HINTS.get(meant),
        status=status,
        type=_shown(kind),
        code=_shown(code),
        param=_shown(body.get("param")),
        retryable=status is not None and (status in _RETRYABLE_STATUSES or status >= 500) and not quota,
    )


def _error_body(document: Any) -> dict[str, Any]:
    match document:
        case {"error": dict(body)} | {"detail": dict(body)}:
            return _upstream_body(body)
        case {"error": str(message)} | {"message": str(message)} | {"detail": str(message)}:
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


def _meant_status(status: int | None, code: Any, kind: Any) -> int:
    """The HTTP status, or what comes nearest to it in an error inside an answer."""
    if code in ("invalid_api_key", "rate_limit_exceeded"):
        return _STATUSES[code]
    if status is not None:
        return status
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return next((_STATUSES[word] for word in (code, kind) if _shown(word) in _STATUSES), 500)


def _error_class(status: int, code: Any) -> type[ProviderError]:
    if isinstance(code, str) and code in _CLASSES:
        return _CLASSES[code]
    match status:
        case 401 | 403:
            return AuthenticationError
        case 402 | 429:
            return RateLimitError
        case 408 | 504:
            return DeadlineError
    return RejectedError if status < 500 else ServerError


def _shown(value: Any) -> str | None:
    """A value as a line of text; None for what is none and for what no line can tell."""
    return one_line(str(value)) or None if isinstance(value, str | int | float) else None
