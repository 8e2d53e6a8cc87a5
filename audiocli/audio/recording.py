"""What a recording is, and what takes one down."""

from dataclasses import dataclass
from typing import Protocol

from audiocli.audio.formats import Format
from audiocli.chat import PCM_RATE

SAMPLE_BYTES = 2


@dataclass(frozen=True)
class PcmFormat:
    """16-bit little-endian samples; `rate` in Hz."""

    rate: int = PCM_RATE
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Of one sample in each channel."""
        return self.channels * SAMPLE_BYTES

    @property
    def bytes_per_second(self) -> int:
        return self.rate * self.frame_bytes


@dataclass(frozen=True)
class Recording:
    """Sound that has been written: where, a file or what the pipe is called, and as what.

    `duration` (seconds) and `pcm` are `None` for a file that was written as it came, without being decoded.
    """

    path: str
    format: Format
    duration: float | None = None
    pcm: PcmFormat | None = None


class Recorder(Protocol):
    """Takes the bytes of an answer's sound. Ends with one of `finish` and `abandon`. Raises `OutputError`
    where it cannot write, `ReplyError` where the bytes are no sound, or sound that is cut off.
    """

    def write(self, data: bytes) -> None: ...

    def finish(self) -> Recording:
        """All of it has come."""
        ...

    def abandon(self) -> str | None:
        """No more will come. What has come is kept; returns the name that it is kept under. Does not fail."""
        ...
