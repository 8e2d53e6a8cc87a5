"""One verb: a chat request goes in, a stream of events comes back."""

from collections.abc import AsyncGenerator
from typing import Protocol

from audiocli.chat import ChatRequest, Event


class Provider(Protocol):
    """Answers chat requests.

    `stream` yields events and ends with exactly one `Finished`. It raises only `ProviderError`,
    `DependencyError` and `InputError`, and nothing after `Finished`. Closing the generator early releases
    what it holds, a connection or an engine, at once. Text may run ahead of the sound that speaks it.
    """

    def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]: ...
