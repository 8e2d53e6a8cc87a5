"""Files that appear under their name only when they are whole."""

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from functools import cache
from typing import BinaryIO

from audiocli.errors import OutputError
from audiocli.printable import quoted

CHOOSE_ANOTHER = "choose another place for the output"

_PROBLEMS = {
    errno.ENOENT: "there is no such folder",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "you may not write there",
    errno.EPERM: "you may not write there",
    errno.EROFS: "it is on a read-only file system",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than is allowed",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.ENXIO: "nobody reads from it",
    errno.EEXIST: "it exists already",
}

# Windows has neither pipes with a name nor terminals that take control.
_OPEN_AT_ONCE: int = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


_HIDDEN = re.compile(r"\.audiocli-[0-9a-f]{16}\.tmp")


Identity = tuple[int, int, int, int]
"""Which file has a name, and in which state: device, number, size, nanosecond of its last change."""


def identity(path: str) -> Identity | None:
    """The identity of what has the name `path`, be it a link; `None` for a name that is free.

    Raises `OSError`.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class TakenError(OutputError):
    """A name belongs to a file that must stay."""


def unwritable(name: str, error: OSError, *, hint: str = CHOOSE_ANOTHER) -> OutputError:
    """`error` as the line that a user reads."""
    problem = _PROBLEMS.get(error.errno or 0) or error.strerror or "it cannot be written"
    kind = TakenError if error.errno == errno.EEXIST else OutputError
    return kind(f"cannot write {quoted(name)}: {problem}", hint=hint)


class AtomicFile:
    """A file that takes `path`'s place when it is committed; until then it stands beside it, hidden.

    It has the permissions of what it replaces from the start, and that stays as it is if nothing is
    committed. A link stays a link: what it leads to is replaced. Without `clobber` no link is followed, and
    nothing is replaced but `only` that file, in that state; `commit` raises `TakenError` for any other.
    Everything that can be known beforehand is checked when this is made, which also removes what killed
    processes have left in the folder. Ends with one of `commit`, `keep` and `discard`; a `commit` that failed
    is followed by another. Raises `OutputError`.
    """

    def __init__(self, path: str, *, clobber: bool = True, only: Identity | None = None) -> None:
        self.path = path
        self._clobber = clobber
        self._only = only
        try:
            self._target = _resolved(path) if clobber else _unfollowed(path)
            mode = _mode_of_replaced(self._target) if clobber else _mode_of_only(self._target, only)
            _swept(os.path.dirname(self._target))
            self._temporary, self.file = _create_hidden(self._target, mode)
        except OSError as error:
            raise unwritable(path, error) from error
        except ValueError as error:
            raise OutputError(f"{quoted(path)} is not a file's name", hint=CHOOSE_ANOTHER) from error

    def write(self, data: bytes) -> None:
        """Append all of `data`, to the file and not to a buffer of ours."""
        try:
            write_all(self.file, data)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def commit(self) -> None:
        """Put the file under its name, on disk and not only in memory."""
        try:
            os.fsync(self.file.fileno())
            self._close_early()
            self._publish()
            self.file.close()
        except OSError as error:
            raise unwritable(self.path, error) from error
        _sync_folder(os.path.dirname(self._target))

    def keep(self, stem: str, extension: str) -> str:
        """Put the file beside its place as `stem` and `extension`, numbered if that is taken.

        Returns the path. If the file system refuses that, the file stays under its hidden name: this does
        not fail.
        """
        names = (f"{stem}{number}{extension}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
        try:
            self._close_early()
            name = next(name for name in names if self._has_moved(_beside(self._target, name)))
        except (OSError, StopIteration):
            return self._temporary
        finally:
            with suppress(OSError):
                self.file.close()
        is_led_elsewhere = self._clobber and os.path.islink(self.path)
        return _beside(self._target if is_led_elsewhere else self.path, name)

    def discard(self) -> None:
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            os.unlink(self._temporary)

    def _close_early(self) -> None:
        """Elsewhere a file stays open, and thereby locked, until it has its name: see `sweep`."""
        if sys.platform == "win32":  # where one that is open gets no other name
            self.file.close()

    def _publish(self) -> None:
        replaces = self._clobber or (self._only is not None and identity(self._target) == self._only)
        if replaces:
            os.replace(self._temporary, self._target)
        elif not self._has_moved(self._target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def _has_moved(self, path: str) -> bool:
        """Whether the file now has the name `path`, which must have been free."""
        try:
            os.link(self._temporary, path)
        except FileExistsError:
            return False
        except OSError:  # A file system without hard links can only look before it renames.
            if os.path.lexists(path):
                return False
            os.replace(self._temporary, path)
        else:
            os.unlink(self._temporary)
        return True


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write `data` to a file, which may take it in several pieces, or need time before it takes more."""
    left = memoryview(data)
    while left:
        written: int | None = file.write(left)
        if written is None:  # A pipe that somebody has made non-blocking, and that is full.
            import select

            select.select((), (file,), ())
        left = left[written or 0 :]


def is_special(path: str) -> bool:
    """Whether `path` is a device or a pipe: something to write to, not to replace."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def open_special(path: str) -> BinaryIO:
    """A device or pipe, open for writing. Raises `OutputError`, also for a pipe that nobody reads, and for a
    terminal.
    """
    try:
        descriptor = os.open(path, _OPEN_AT_ONCE)
        file = open(descriptor, "wb", buffering=0)  # noqa: SIM115 - the caller closes it
        if file.isatty():
            file.close()
            raise OSError(errno.ENOTSUP, "it is a terminal")  # noqa: TRY301 - one way out for what is wrong with it
        os.set_blocking(descriptor, True)
    except OSError as error:
        raise unwritable(path, error) from error
    return file


def _resolved(path: str) -> str:
    """The absolute path that `path` leads to, whether there is a file or not."""
    _check_name(path)
    return os.path.realpath(path)


def _unfollowed(path: str) -> str:
    """The absolute path of `path` itself, be it a link."""
    _check_name(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _check_name(path: str) -> None:
    if not path:
        raise ValueError("a name cannot be empty")
    if path.endswith(("/", os.sep)):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), name)


def _mode_of_replaced(target: str) -> int | None:
    """The permissions of the file at `target`, if there is one. Raises `OSError` if it must stay."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(status.st_mode)


def _mode_of_only(target: str, only: Identity | None) -> int | None:
    """The permissions of the file at `target`, if that is `only`. Raises `OSError` for any other."""
    found = identity(target)
    if found is None:
        return None
    is_link = os.path.islink(target)
    mode = None if is_link else _mode_of_replaced(target)  # What a link leads to is not touched.
    if found != only:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    return mode


def _create_hidden(target: str, mode: int | None) -> tuple[str, BinaryIO]:
    """A new file beside `target`, and its path, which no `sweep` takes away while it is open."""
    while True:
        path = _beside(target, f".audiocli-{os.urandom(8).hex()}.tmp")
        file = _create(path, mode)
        if _is_held(file, path):
            return path, file
        file.close()
        with suppress(FileNotFoundError):
            os.unlink(path)


def _is_held(file: BinaryIO, path: str) -> bool:
    """Whether no `sweep` was faster."""
    try:
        _lock(file.fileno())
    except BlockingIOError:
        return False
    except OSError:  # There are no locks, and nothing is swept.
        return True
    return os.path.lexists(path)


def _create(path: str, mode: int | None) -> BinaryIO:
    """A new file, unbuffered. Without `mode` it gets what any program's file gets: 0666 less the umask."""
    if mode is None:
        return open(path, "xb+", buffering=0)
    # Nobody reads it before its permissions are right: what it replaces may be private.
    file = open(path, "xb+", buffering=0, opener=open_private)  # noqa: SIM115 - the caller closes it
    try:
        os.chmod(path, mode)
    except OSError:
        file.close()
        os.unlink(path)
        raise
    return file


def open_private(path: str, flags: int) -> int:
    """An `opener` for what is its owner's alone."""
    return os.open(path, flags, 0o600)


@cache
def _swept(folder: str) -> None:
    """`sweep`, once in each folder: there may be many thousands of files."""
    sweep(folder)


def sweep(folder: str) -> None:
    """Take away the hidden files in `folder` of processes that were killed.

    Whoever lives holds a lock on his. Where a file system has no locks, the files stay.
    """
    with suppress(OSError), os.scandir(folder or os.curdir) as entries:
        for entry in entries:
            if _HIDDEN.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_abandoned(entry.path)


def _remove_abandoned(path: str) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            _lock(descriptor)
            os.unlink(path)  # While it is locked: whoever has just made it sees that it is gone.
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock a file until it is closed. Raises `BlockingIOError` where another has done so, `OSError` where
    there are no locks.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(path: str) -> None:
    # Not every system can open a folder; the rename is then as lasting as that system makes it.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
