"""libsndfile, called so that what goes wrong in Python or in C ends as one exception."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from audiocli.errors import InputError
from audiocli.files import write_all
from audiocli.printable import one_line

if TYPE_CHECKING:  # they cost 100 ms, and most audio needs no decoding
    import numpy as np

T = TypeVar("T")

UNKNOWN_FRAMES = 2**62  # libsndfile's count for a file that does not say how long it is


class UndecodableError(InputError):
    """libsndfile cannot read it, or is not to be trusted with it; another decoder may do better."""


class CalledFromC:
    """A file as libsndfile calls it: from C, where an exception would be printed, and lost.

    The first one is kept; `check` raises it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failure: BaseException | None = None

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def read(self, count: int) -> bytes:
        return self._call(b"", self._file.read, count)

    def write(self, data: bytes) -> int:
        self._call(None, write_all, self._file, data)
        return 0 if self._failure else len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with suppress(OSError, ValueError, OverflowError):  # A damaged file leads to a place outside of it.
            return self._file.seek(offset, whence)
        return -1

    def tell(self) -> int:
        return self._file.tell()

    def _call(self, failed: T, function: Callable[..., T], *arguments: Any) -> T:
        if self._failure is not None:
            return failed
        try:
            return function(*arguments)
        except BaseException as error:
            self._failure = error
            return failed


class Reader:
    """Reads frames from a file, from its start or from where `seek` goes.

    Raises `UndecodableError` for what libsndfile cannot read, and what the file itself raises.
    """

    def __init__(self, file: BinaryIO, layout: Mapping[str, Any]) -> None:
        """`layout` are libsndfile's words for samples without a header."""
        soundfile = _soundfile()
        self._called = CalledFromC(file)
        self._sound: Any = self._checked(lambda: soundfile.SoundFile(self._called, **layout))
        # Else soundfile seeks after each block: MP3 loses its place, FLAC from a pipe fails at its end.
        self._sound.seekable = lambda: False

    @property
    def rate(self) -> int:
        return int(self._sound.samplerate)

    @property
    def channels(self) -> int:
        return int(self._sound.channels)

    @property
    def frames(self) -> int | None:
        """As the file says; `None` where it does not."""
        return int(self._sound.frames) if self._sound.frames < UNKNOWN_FRAMES else None

    def seek(self, frame: int) -> None:
        self._checked(lambda: self._sound.seek(frame))

    def read(self, frames: int) -> "np.ndarray[Any, Any]":
        """Frames by channels, full scale 1.0; fewer than `frames` only at the end."""
        block: np.ndarray[Any, Any] = self._checked(
            lambda: self._sound.read(frames, dtype="float32", always_2d=True)
        )
        return block

    def close(self) -> None:
        self._sound.close()

    def _checked(self, call: Callable[[], T]) -> T:
        soundfile = _soundfile()
        try:
            result = call()
        except soundfile.LibsndfileError as error:
            self._called.check()
            raise UndecodableError(error.error_string.rstrip(".")) from error
        self._called.check()
        return result


def rounded(samples: "np.ndarray[Any, Any]") -> bytes:
    """Samples between -1 and 1 as 16 bits each, little-endian. NaN is silence, infinity full scale."""
    import numpy as np

    scaled = np.rint(np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0) * 32_768.0)
    data: bytes = np.clip(scaled, -32_768, 32_767).astype("<i2").tobytes()
    return data


def mixed(block: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """One channel of frames by channels. NaN is silence, infinity full scale."""
    import numpy as np

    bounded = np.clip(np.nan_to_num(block, copy=False, nan=0.0), -1.0, 1.0, out=block)
    channel: np.ndarray[Any, Any] = bounded[:, 0] if block.shape[1] == 1 else bounded.mean(axis=1)
    return channel


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as exc:  # OSError: the package is there, the C library is not
        raise UndecodableError(f"soundfile is not usable: {one_line(str(exc))}") from exc
    return soundfile
