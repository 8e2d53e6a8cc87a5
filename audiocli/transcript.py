"""The vocabulary of transcription: what is said in a recording, and when. All of it is values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from audiocli.chat import AudioPart, TextDelta, Usage

Timing = Literal["word", "segment", "piece"]
"""What a transcript's times are good for: each word's, each segment's, or only those of the pieces that the
sound was cut into.
"""


@dataclass(frozen=True)
class Word:
    """A word, when it starts and ends (seconds), and how sure the model is of it (0 to 1), if it says so."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True)
class Segment:
    """A stretch of speech, about a sentence, by one speaker; times in seconds."""

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What is said, in order. `duration` is the sound's, in seconds; `language` is the service's word for it.

    Times count from the start of the sound. `notes` are sentences about what may surprise.
    """

    segments: tuple[Segment, ...]
    duration: float
    timing: Timing = "piece"
    language: str | None = None
    usage: Usage | None = None
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


@dataclass(frozen=True, kw_only=True)
class TranscriptionRequest:
    """What shall be written down: a sound of `duration` seconds.

    `language` is an ISO 639-1 code. `prompt` tells of names and of what was said before. `words` and
    `speakers` ask for the times of each word and for who says what. `extra` fields are sent as they are.
    """

    model: str
    audio: AudioPart
    duration: float
    language: str | None = None
    prompt: str | None = None
    words: bool = False
    speakers: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a transcriber takes at once, and what it gives.

    `seconds` and `bytes` are of one request's sound, `formats` the containers that it takes, by the wire's
    words, best first. `parallel` is how many requests at once make sense. `prompt` says that it reads one.
    """

    seconds: float
    bytes: int
    formats: tuple[str, ...]
    parallel: int
    prompt: bool
    timing: Timing


Hearing = TextDelta | Transcript
"""What comes of a request: words as they are recognised, which are provisional, then the transcript."""
