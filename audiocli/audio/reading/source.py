"""Where audio comes from: files that are opened when they are sent, and pipes that are read once.

Whatever the path names, the answer is a source or one `InputError`; nothing hangs and nothing is read
beyond its limit.
"""

import errno
import io
import os
import select
import stat
import weakref
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import BinaryIO

from audiocli.audio.containers.sniff import HEAD_BYTES, recognised
from audiocli.chat import AudioBytes, AudioSource
from audiocli.errors import InputError, OutputError
from audiocli.printable import quoted

SHORTER = "send a shorter piece, or MP3, or raise the limit of the input"

_PIECE = 64 * 1024  # bytes
_PROBLEMS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "you may not read it",
    errno.EPERM: "you may not read it",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENXIO: "it is a socket or an absent device",
}
_SPECIAL = {
    stat.S_IFDIR: "it is a directory",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFBLK: "it is a disk",
}


@dataclass(frozen=True)
class FileSource:
    """The first `size` bytes of the file at `path`, opened anew each time.

    Opening raises `InputError` where the file is gone; reading does where it has become shorter, or where it
    was written to after `modified` (nanoseconds), if that is known.
    """

    path: str
    size: int
    modified: int | None = field(default=None, compare=False)

    def open(self) -> BinaryIO:
        try:
            file = open(self.path, "rb", buffering=0)  # noqa: SIM115 - the reader owns it
        except OSError as exc:
            raise unreadable(self.path, exc) from exc
        return io.BufferedReader(_Window(file, b"", ((0, self.size),), self.path, self.modified))

    def descriptor(self) -> int | None:
        """The file itself, opened; `None` if it has grown, so that only a part of it is meant."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise unreadable(self.path, exc) from exc
        status = os.fstat(descriptor)
        if status.st_size == self.size and self.modified in (None, status.st_mtime_ns):
            return descriptor
        os.close(descriptor)
        return None


@dataclass(frozen=True)
class SliceSource:
    """`head`, then `length` bytes of `source` from `offset`: a file under another header, without a copy."""

    head: bytes
    source: AudioSource
    offset: int
    length: int

    @property
    def size(self) -> int:
        return len(self.head) + self.length

    def open(self) -> BinaryIO:
        file = self.source.open()
        return io.BufferedReader(_Window(file, self.head, ((self.offset, self.length),), "the audio"))


@dataclass(frozen=True)
class JoinedSource:
    """`head`, then `ranges` of `source`, each an offset and a length: what is left of it, without a copy."""

    head: bytes
    source: AudioSource
    ranges: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        return len(self.head) + sum(length for _, length in self.ranges)

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Window(self.source.open(), self.head, self.ranges, "the audio"))


class _Positioned(io.RawIOBase):
    """Reads from a position of its own in what has `_end()` bytes.

    It has no `fileno`: the file below may have more bytes, and httpx announces as many as that one has.
    """

    _position = 0

    def _end(self) -> int:
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end()}[whence]
        if start + offset < 0:
            raise ValueError(f"negative position {start + offset}")
        self._position = start + offset
        return self._position


class _Window(_Positioned):
    """`head`, then `ranges` of `file`, as one file. Owns `file`."""

    def __init__(
        self,
        file: BinaryIO | io.FileIO,
        head: bytes,
        ranges: Sequence[tuple[int, int]],
        name: str,
        modified: int | None = None,
    ) -> None:
        self._file = file
        self._head = head
        self._ranges = ranges
        lengths = (length for _, length in ranges)
        *self._starts, self._size = accumulate(lengths, initial=len(head))  # of each range, in this file
        self._name = name
        self._modified = modified

    def _end(self) -> int:
        return self._size

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # what io passes here
        wanted = max(0, min(len(buffer), self._size - self._position))
        data = self._read(wanted) if wanted else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self, count: int) -> bytes:
        if self._position < len(self._head):
            return self._head[self._position : self._position + count]
        number = bisect(self._starts, self._position) - 1
        offset, length = self._ranges[number]
        passed = self._position - self._starts[number]
        try:
            self._file.seek(offset + passed)
            data = self._file.read(min(count, length - passed))
            changed = self._modified is not None and self._modified != _modified(self._file)
        except OSError as exc:
            raise unreadable(self._name, exc) from exc
        if changed or not data:
            raise InputError(f"{quoted(self._name)} changed while it was read", hint="try again")
        return data


class _Shared(_Positioned):
    """The bytes of `stored`, from the start."""

    def __init__(self, stored: "StoredSource") -> None:
        self._stored = stored  # which closes the file once nobody knows it

    def _end(self) -> int:
        return self._stored.size

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # what io passes here
        count = os.preadv(self._stored.descriptor, [buffer], self._position)
        self._position += count
        return count


class StoredSource:
    """A temporary file without a name, which goes when nobody knows the source any more."""

    def __init__(self, write: Callable[[BinaryIO], object]) -> None:
        """`write` fills it. Raises `OutputError` where there is no room, and what `write` raises."""
        from tempfile import TemporaryFile  # 5 ms of start-up

        try:
            with TemporaryFile() as file:
                write(file)
                file.seek(0)
                self.descriptor = os.dup(file.fileno())
        except OSError as exc:
            raise OutputError(
                f"a temporary file cannot be written: {exc.strerror}",
                hint="make room, or set TMPDIR to a folder that has some",
            ) from exc
        weakref.finalize(self, os.close, self.descriptor)

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Shared(self))


def copied(source: AudioSource) -> StoredSource:
    """All of `source` in a temporary file."""
    from shutil import copyfileobj

    with source.open() as file:
        return StoredSource(lambda made: copyfileobj(file, made))


@contextmanager
def as_descriptor(source: AudioSource) -> Iterator[int]:
    """A descriptor of a file that is `source` and nothing else, for a program that reads one.

    Raises `InputError` for a file that is no longer as it was, and `OutputError` if a copy has no room.
    """
    if isinstance(source, FileSource) and (descriptor := source.descriptor()) is not None:
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        return
    stored = source if isinstance(source, StoredSource) else copied(source)
    yield stored.descriptor


class Intake:
    """Hands blocks on to `write` as they come: `max_bytes` of them, and nothing that cannot be audio.

    That shows at the beginning; where the end is, or whether there is one, nobody knows. Raises `InputError`,
    which calls it `name`, and has `hint` for what is larger.
    """

    def __init__(
        self, write: Callable[[bytes], object], name: str, max_bytes: int, *, hint: str = SHORTER
    ) -> None:
        self._write = write
        self._name = name
        self._max_bytes = max_bytes
        self._hint = hint
        self._size = 0
        self._head = b""

    def take(self, block: bytes) -> None:
        self._size += len(block)
        if self._size > self._max_bytes:
            raise too_large(self._name, self._max_bytes, hint=self._hint)
        if len(self._head) < HEAD_BYTES:
            self._head += block[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES:
                recognised(self._head, self._name)
        self._write(block)


def open_input(path: str, max_bytes: int, *, patience: float = 30, stored: bool = False) -> AudioSource:
    """The audio at `path`, of which there may be `max_bytes`.

    A regular file is only looked at, and opened again when it is sent. A pipe or a character device is read
    to its end, into memory, or if `stored` into a temporary file. Raises `InputError` for what is missing,
    empty, too large or not a file, and when a pipe has been silent for `patience` seconds.
    """
    try:
        # Without O_NONBLOCK, opening a named pipe waits until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as exc:  # ValueError: NUL in the name, or a character no file name can have
        raise unreadable(path, exc) from exc
    try:
        return _take(descriptor, path, max_bytes, patience, stored)
    except OSError as exc:
        raise unreadable(path, exc) from exc
    finally:
        os.close(descriptor)


def read_limited(file: BinaryIO, max_bytes: int, name: str) -> bytes:
    """All of `file`, or `InputError`, which calls it `name`, if it is unreadable or has over `max_bytes`."""
    pieces = []
    left = max_bytes + 1
    try:
        while left:
            wanted = min(left, _PIECE)
            piece = file.read(wanted)
            pieces.append(piece)
            left -= len(piece)
            if len(piece) < wanted:  # That was the end: a terminal that is asked again waits for another one.
                break
    except OSError as exc:
        raise unreadable(name, exc) from exc
    if not left:
        raise too_large(name, max_bytes)
    return b"".join(pieces)


def too_large(name: str, max_bytes: int, *, decoded: bool = False, hint: str = SHORTER) -> InputError:
    """`decoded` says that the file is not, but the sound in it is."""
    when = " once it is decoded" if decoded else ""
    limit = f"{max_bytes / 1e9:.3g} GB" if max_bytes >= 1e9 else f"{max_bytes / 1e6:.3g} MB"
    return InputError(f"{quoted(name)} is larger than {limit}{when}", hint=hint)


class _Pipe(io.RawIOBase):
    """What comes through a descriptor, which stays open. `InputError` after `patience` seconds of silence."""

    def __init__(self, descriptor: int, name: str, patience: float) -> None:
        self._descriptor = descriptor
        self._name = name
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # what io passes here
        ready, _, _ = select.select([self._descriptor], [], [], self._patience)
        if not ready:
            raise InputError(
                f"nothing came from {quoted(self._name)} for {self._patience:g} s",
                hint="is anything writing to it?",
            )
        try:
            data = os.read(self._descriptor, len(buffer))
        except OSError as exc:
            raise unreadable(self._name, exc) from exc
        buffer[: len(data)] = data
        return len(data)


def _take(descriptor: int, path: str, max_bytes: int, patience: float, stored: bool) -> AudioSource:
    status = os.fstat(descriptor)
    kind = stat.S_IFMT(status.st_mode)
    if kind in _SPECIAL:
        raise _cannot_read(path, _SPECIAL[kind])
    source: AudioSource
    if kind == stat.S_IFREG:
        source = FileSource(path, status.st_size, status.st_mtime_ns)
    else:
        pipe = io.BufferedReader(_Pipe(descriptor, path, patience))
        source = _stored(pipe, path, max_bytes) if stored else AudioBytes(read_limited(pipe, max_bytes, path))
    if source.size > max_bytes:
        raise too_large(path, max_bytes)
    if not source.size:
        raise InputError(f"{quoted(path)} is empty", hint="name an audio file")
    return source


def _stored(pipe: BinaryIO, name: str, max_bytes: int) -> StoredSource:
    def fill(file: BinaryIO) -> None:
        intake = Intake(file.write, name, max_bytes)
        while block := pipe.read(_PIECE):
            intake.take(block)

    return StoredSource(fill)


def _modified(file: BinaryIO | io.FileIO) -> int:
    return os.fstat(file.fileno()).st_mtime_ns


def unreadable(name: str, error: OSError | ValueError) -> InputError:
    """`error` as the line that a user reads."""
    if isinstance(error, OSError):
        return _cannot_read(name, _PROBLEMS.get(error.errno or 0) or error.strerror or "it is unreadable")
    return _cannot_read(name, "no file can have that name")


def _cannot_read(name: str, problem: str) -> InputError:
    return InputError(f"cannot read {quoted(name)}: {problem}", hint="name an audio file that can be read")
