"""What a `mock_response` has in place of a model: the same words for every question, or the same error."""

from collections.abc import AsyncGenerator, Mapping

from audiocli.chat import ChatRequest, Event, Finished, TextDelta, Usage
from audiocli.errors import ProviderError, RateLimitError, RejectedError, ServerError

_ERRORS: Mapping[str, tuple[type[ProviderError], int, str | None]] = {
    "litellm.RateLimitError": (RateLimitError, 429, None),
    "litellm.InternalServerError": (ServerError, 500, None),
    "litellm.ContextWindowExceededError": (RejectedError, 400, "context_length_exceeded"),
    "litellm.ContentPolicyViolationError": (RejectedError, 400, "content_policy_violation"),
}
"""LiteLLM's words for errors that are to be had."""


class Mocked:
    """A `Provider` that asks nobody."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        if self._answer in _ERRORS:
            kind, status, code = _ERRORS[self._answer]
            raise kind(f"a mock response of {self._answer}", status=status, code=code)
        yield TextDelta(self._answer)
        yield Finished(id="chatcmpl-mock", model=request.model, usage=Usage())
