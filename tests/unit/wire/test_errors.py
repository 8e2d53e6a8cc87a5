"""Errors inside a 200 count as the HTTP errors that they stand for, in all forms that services have."""

from typing import Any

import pytest

from audiocli.errors import (
    AuthenticationError,
    DeadlineError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ServerError,
)
from audiocli.wire.errors import answer_error, decode_error, decode_failure, is_error, refusal_of

FORMS: list[tuple[dict[str, Any], type[ProviderError], int | None, bool]] = [
    ({"error": {"message": "m", "code": 502}}, ServerError, 502, True),
    ({"error": {"message": "m", "code": "502"}}, ServerError, 502, True),
    ({"error": {"message": "m", "code": "rate_limit_exceeded"}}, RateLimitError, 429, True),
    ({"error": {"message": "m", "type": "server_error", "code": None}}, ServerError, 500, True),
    ({"error": {"message": "m", "code": 504}}, DeadlineError, 504, True),
    ({"error": {"message": "m", "code": 408}}, DeadlineError, 408, True),
    ({"error": {"message": "m", "code": "insufficient_quota"}}, RateLimitError, None, False),
    ({"error": {"message": "m", "code": 401}}, AuthenticationError, 401, False),
    ({"error": {"message": "m", "type": "invalid_request_error"}}, RejectedError, 400, False),
    ({"error": {"message": "m", "code": "context_length_exceeded"}}, RejectedError, 400, False),
    ({"error": {"message": "m"}}, ServerError, None, True),
    ({"error": "m"}, ServerError, None, True),
    ({"error": {"message": "m", "code": 502}, "choices": []}, ServerError, 502, True),
    ({"error": {"message": "m", "code": 503, "status": "UNAVAILABLE"}}, ServerError, 503, True),
    ({"error": {"message": "m", "status": "RESOURCE_EXHAUSTED"}}, RateLimitError, 429, True),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, ServerError, 529, True),
    ({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}, RejectedError, 400, False),
    ({"object": "error", "message": "m", "type": "InternalServerError"}, ServerError, 500, True),
    ({"message": "m"}, ServerError, None, True),
    ({"message": "m", "choices": []}, ServerError, None, True),
    ({"message": "m", "code": 429}, RateLimitError, 429, True),
    ({"detail": "m"}, ServerError, None, True),
    ({"errors": [{"message": "m", "code": 429}]}, RateLimitError, 429, True),
    ({"code": 500, "msg": "m"}, ServerError, 500, True),
    ({"choices": [{"index": 0, "error": {"message": "m", "code": 502}}]}, ServerError, 502, True),
    (
        {"choices": [{"finish_reason": "error", "error": {"message": "m", "code": 429}}]},
        RateLimitError,
        429,
        True,
    ),
]


@pytest.mark.parametrize(("document", "kind", "status", "retryable"), FORMS)
def test_an_error_in_place_of_an_answer_is_what_its_code_says(
    document: dict[str, Any], kind: type[ProviderError], status: int | None, retryable: bool
) -> None:
    error = answer_error(document)

    assert isinstance(error, kind)
    assert (error.message, error.status, error.retryable) == ("m", status, retryable)


@pytest.mark.parametrize(
    "document",
    [
        {"choices": [{"delta": {"content": "message"}}]},
        {"choices": [], "prompt_filter_results": []},
        {"id": "c", "object": "chat.completion.chunk"},
        {"choices": [], "usage": {"prompt_tokens": 1}, "error": None},
        {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "message": "welcome"},
        {"text": "a", "message": "b"},
        {"type": "transcript.text.delta", "delta": "error"},
        {"type": "speech.audio.done", "usage": {"input_tokens": 1}},
    ],
)
def test_an_answer_is_no_error(document: dict[str, Any]) -> None:
    assert answer_error(document) is None
    assert not is_error(document)


def test_a_choice_that_ended_by_an_error_is_one() -> None:
    assert isinstance(answer_error({"choices": [{"delta": {}, "finish_reason": "error"}]}), ServerError)


def test_a_status_of_http_stands_above_what_the_body_says() -> None:
    assert decode_error({"error": {"message": "m", "code": 429}}, 500).status == 500


@pytest.mark.parametrize(
    ("payload", "message", "status"),
    [
        (b'{"error": {"message": "m", "code": 502}}', "m", 502),
        (b'{"message": "m", "code": 503}', "m", 503),
        (b"overloaded", "overloaded", None),
        (b"{}", "the service gave no reason", None),
    ],
)
def test_an_event_that_is_called_an_error_is_one(payload: bytes, message: str, status: int | None) -> None:
    error = decode_failure(payload)

    assert (error.message, error.status, error.retryable) == (message, status, True)


@pytest.mark.parametrize(
    ("code", "message", "refusal"),
    [
        ("context_length_exceeded", "m", "context_window"),
        (None, "This model's maximum context length is 128000 tokens.", "context_window"),
        (None, "The input exceeds the available context size", "context_window"),
        ("content_filter", "m", "content_policy"),
        ("content_policy_violation", "m", "content_policy"),
        (None, "The response was filtered due to Azure OpenAI's content management policy", "content_policy"),
        (None, "Invalid value: 'wav'", None),
        ("invalid_value", "m", None),
    ],
)
def test_why_a_model_refuses_is_known(code: str | None, message: str, refusal: str | None) -> None:
    assert refusal_of(RejectedError(message, status=400, code=code)) == refusal
    assert refusal_of(ServerError(message, status=500, code=code)) is None
