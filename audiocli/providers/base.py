"""One verb: a request goes in, a stream of events comes back."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol

from audiocli.chat import ChatRequest, Event, RawPart
from audiocli.errors import CapabilityError
from audiocli.printable import quoted
from audiocli.transcript import Hearing, Limits, TranscriptionRequest

if TYPE_CHECKING:
    from audiocli.wire.openai.speech import SpeechRequest  # Nothing but speech has a use for it.


class Provider(Protocol):
    """Answers chat requests.

    `stream` yields events and ends with exactly one `Finished`. It raises only `ProviderError`,
    `DependencyError`, `CapabilityError` and `InputError`, and nothing after `Finished`. Closing the generator
    early releases what it holds, a connection or an engine, at once. Text may run ahead of the sound that
    speaks it.
    """

    def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]: ...


class Transcriber(Protocol):
    """Writes down what is said.

    `stream` yields words as they are recognised, where the model tells them early, and ends with exactly one
    `Transcript`. What was yielded before is provisional. It raises as `Provider.stream` does, and closing it
    early releases what it holds.
    """

    @property
    def limits(self) -> Limits: ...

    def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]: ...


class Speaker(Protocol):
    """Reads texts aloud.

    `stream` yields the sound as it comes, in the format that was asked for. It raises as `Provider.stream`
    does, and closing it early releases what it holds.
    """

    def stream(self, request: "SpeechRequest") -> AsyncGenerator[bytes, None]: ...


def not_understood(part: RawPart, model: str) -> CapabilityError:
    """What a provider with no service behind it says to a part that only a service may understand."""
    kind = quoted(str(part.document.get("type")))
    return CapabilityError(
        f"{model} does not understand such a part of type {kind}",
        hint="send plain text and audio, or ask a hosted model",
        param="messages",
    )
