"""Where the sound of an answer goes: to a file that appears when it is whole, or down a pipe as it comes."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from audiocli.audio.containers.wav import wav_header
from audiocli.audio.formats import Format
from audiocli.audio.recording import PcmFormat, Recording
from audiocli.audio.writing.encode import decode, encode, rate_for, sample_blocks
from audiocli.audio.writing.sound import SoundDecoder
from audiocli.errors import OutputError, ReplyError
from audiocli.files import CHOOSE_ANOTHER, AtomicFile, unwritable, write_all

HEADER_BYTES = 44

_SET_TMPDIR = "set TMPDIR to a folder with space"

# A service's Opus is Ogg as well.
_SAME: dict[Format, tuple[str, ...]] = {
    "mp3": ("mp3",),
    "flac": ("flac",),
    "opus": ("opus",),
    "ogg": ("ogg", "opus"),
}


class FileRecorder:
    """A `Recorder` into a file. Samples are on disk as soon as they come, as a WAV file that lacks its sizes;
    another format is made of it at the end. What is abandoned is kept beside it as `NAME.partial.wav`.
    """

    def __init__(self, path: str, format: Format, *, clobber: bool = True) -> None:
        self._path = path
        self._format = format
        self._clobber = clobber
        self._output = AtomicFile(path, clobber=clobber)
        self._decoder = SoundDecoder()
        self._begun = False

    def write(self, data: bytes) -> None:
        self._store(self._decoder.feed(data))

    def finish(self) -> Recording:
        self._store(self._decoder.close())
        if not self._begun:
            raise _no_sound()
        pcm = self._decoder.pcm
        if pcm and self._format == "wav":
            size = self._write_sizes(pcm)
            self._output.commit()
            return _recording(self._path, "wav", pcm, size)
        if _is_already(self._decoder, self._format):
            self._output.commit()
            return Recording(self._path, self._format)
        return self._finish_converted()

    def abandon(self) -> str | None:
        if not self._begun:
            self._output.discard()
            return None
        pcm = self._decoder.pcm
        if pcm and not self._output.file.closed:
            with suppress(OutputError):  # Most players do without sizes.
                self._write_sizes(pcm)
        stem = os.path.splitext(os.path.basename(self._path))[0]
        return self._output.keep(f"{stem}.partial", f".{'wav' if pcm else self._decoder.kind}")

    def _store(self, data: bytes) -> None:
        if not data:
            return
        if not self._begun and (pcm := self._decoder.pcm):
            self._output.write(wav_header(None, pcm.rate, pcm.channels))
        self._begun = True
        self._output.write(data)

    def _write_sizes(self, pcm: PcmFormat) -> int:
        """Make a true WAV file of what is there, to the last whole frame; returns the size of its sound."""
        file = self._output.file
        with _writing(self._path):
            written = file.seek(0, os.SEEK_END) - HEADER_BYTES
            size = written - written % pcm.frame_bytes
            file.truncate(HEADER_BYTES + size)
            file.seek(0)
            write_all(file, wav_header(size, pcm.rate, pcm.channels))
        return size

    def _finish_converted(self) -> Recording:
        """Convert into a second file, so that what came is still there if that fails."""
        converted = AtomicFile(self._path, clobber=self._clobber)
        try:
            with _writing(self._path):
                self._output.file.seek(HEADER_BYTES if self._decoder.pcm else 0)
                pcm, size = _convert(self._output.file, self._decoder, converted.file, self._format)
            converted.commit()
        except BaseException:
            converted.discard()
            raise
        self._output.discard()
        return _recording(self._path, self._format, pcm, size)


class PipeRecorder:
    """A `Recorder` into a pipe or a device, which cannot go back to write sizes: they say "not known" there.

    Where the shell has put a file in place of the pipe, they are written in the end. What has to be converted
    goes down the pipe at the end.
    """

    def __init__(self, pipe: BinaryIO, name: str, format: Format) -> None:
        # A buffer would try again, when the program ends, to write what a full disk has refused.
        self._pipe = cast(BinaryIO, pipe.raw) if isinstance(pipe, io.BufferedWriter) else pipe
        self._name = name
        self._format = format
        self._start = _position(self._pipe)
        self._decoder = SoundDecoder()
        self._spool: BinaryIO | None = None if format in ("wav", "pcm") else _temporary_file()
        self._size = 0  # bytes of sound that have come

    def write(self, data: bytes) -> None:
        self._store(self._decoder.feed(data))

    def finish(self) -> Recording:
        self._store(self._decoder.close())
        if not self._size:
            raise _no_sound()
        pcm, size = self._decoder.pcm, self._size
        if not self._passes():
            pcm, size = self._convert()
        elif pcm and self._format == "wav" and self._start is not None:
            self._write_sizes(pcm, self._start)
        self._close_spool()
        return _recording(self._name, self._format, pcm, size)

    def abandon(self) -> str | None:
        self._close_spool()
        return None

    def _store(self, data: bytes) -> None:
        if not data:
            return
        pcm = self._decoder.pcm
        if not self._passes():
            self._keep(data)
        elif pcm and self._format == "wav" and not self._size:
            self._send(wav_header(None, pcm.rate, pcm.channels) + data)
        else:
            self._send(data)
        self._size += len(data)

    def _passes(self) -> bool:
        """Whether the sound needs no conversion."""
        if self._decoder.pcm:
            return self._format in ("wav", "pcm")
        return _is_already(self._decoder, self._format)

    def _send(self, data: bytes) -> None:
        with _writing(self._name):
            write_all(self._pipe, data)

    def _keep(self, data: bytes) -> None:
        self._spool = self._spool or _temporary_file()
        with _writing("TMPDIR", hint=_SET_TMPDIR):
            write_all(self._spool, data)

    def _convert(self) -> tuple[PcmFormat, int]:
        assert self._spool  # noqa: S101 - what does not pass has been kept
        with _temporary_file() as converted:
            with _writing("TMPDIR", hint=_SET_TMPDIR):
                self._spool.seek(0)
                result = _convert(self._spool, self._decoder, converted, self._format)
                converted.seek(0)
            for block in sample_blocks(converted):
                self._send(block)
        return result

    def _write_sizes(self, pcm: PcmFormat, start: int) -> None:
        with _writing(self._name):
            end = self._pipe.tell()
            self._pipe.seek(start)
            write_all(self._pipe, wav_header(self._size, pcm.rate, pcm.channels))
            self._pipe.seek(end)

    def _close_spool(self) -> None:
        if self._spool is not None:
            with suppress(OSError):
                self._spool.close()


def _no_sound() -> ReplyError:
    return ReplyError("the service sent no sound", hint="try again")


def _recording(path: str, format: Format, pcm: PcmFormat | None, size: int) -> Recording:
    """`size` bytes of samples, at the rate that `format` gave them, or a file that was written as it came."""
    if not pcm:
        return Recording(path, format)
    written = PcmFormat(rate_for(pcm.rate, format), pcm.channels)
    return Recording(path, format, size / pcm.bytes_per_second, written)


def _is_already(decoder: SoundDecoder, format: Format) -> bool:
    return decoder.pcm is None and decoder.kind in _SAME.get(format, ())


def _convert(
    source: BinaryIO, decoder: SoundDecoder, sink: BinaryIO, format: Format
) -> tuple[PcmFormat, int]:
    """Write the rest of `source`, which is what `decoder` says, to `sink` as `format`.

    Returns what the samples are and how many bytes of them there were.
    """
    pcm, blocks = decoder.pcm, sample_blocks(source)
    if pcm is None:
        assert decoder.kind  # noqa: S101 - nothing is stored before its kind is known
        pcm, blocks = decode(source, decoder.kind)
    size = encode(blocks, pcm, sink, format)
    if not size:
        raise _no_sound()
    return pcm, size


def _temporary_file() -> BinaryIO:
    """A file without a name, unbuffered."""
    import tempfile  # 5 ms, for the few who pipe what has to be converted

    with _writing("TMPDIR", hint=_SET_TMPDIR):
        return cast(BinaryIO, tempfile.TemporaryFile(buffering=0))


def _position(file: BinaryIO) -> int | None:
    """Where `file` stands, if it can go back there: a pipe cannot, nor can what only grows."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    appended = fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_APPEND
    return file.tell() if regular and not appended else None


@contextmanager
def _writing(name: str, *, hint: str = CHOOSE_ANOTHER) -> Iterator[None]:
    """Errors of the system, as the line that a user reads."""
    try:
        yield
    except BrokenPipeError:
        raise  # The reader has had enough, which is not an error to report.
    except OSError as error:
        raise unwritable(name, error, hint=hint) from error
