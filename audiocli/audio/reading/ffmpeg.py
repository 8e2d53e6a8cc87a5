"""Sound that only the `ffmpeg` program can read: MP4, WebM, AAC, video, and compressed WAV.

ffmpeg is told which format to expect and may open nothing but what it is given, so that a file cannot make
it read another one or use the network.
"""

import os
import re
from typing import IO, BinaryIO

from audiocli import children
from audiocli.audio.containers.sniff import Kind
from audiocli.audio.reading.source import StoredSource, as_descriptor, too_large
from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.printable import one_line, quoted

_DEMUXERS: dict[Kind, str] = {
    "wav": "wav",
    "rf64": "wav",
    "rifx": "wav",
    "w64": "w64",
    "flac": "flac",
    "ogg": "ogg",
    "opus": "ogg",
    "aiff": "aiff",
    "caf": "caf",
    "au": "au",
    "mp4": "mov",
    "webm": "matroska",
    "aac": "aac",
    "amr": "amr",
    "mp2": "mp3",
    "mp3": "mp3",
    "wma": "asf",
    "avi": "avi",
    "flv": "flv",
    "mpeg": "mpeg",
    "mpegts": "mpegts",
    "wavpack": "wv",
    "voc": "voc",
}
_RATES = "|".join(map(str, (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)))
_HINT = "convert it to WAV, MP3 or FLAC"
_MAX_CONVERTED = 4 * 2**30  # bytes: 37 hours of noise, and more of speech
_SLOWEST = 50_000  # bytes of a file that are decoded in a second
_MAX_SECONDS = 2 * 3600.0  # that one file may take
_OVERSHOOT = 2**16  # bytes by which a file that was stopped by -fs is surely too large


def decode_by_ffmpeg(
    content: bytes, kind: Kind, name: str, max_bytes: int, *, program: str, seconds: float = 120
) -> bytes:
    """The first sound track of a file as 16-bit mono WAV with placeholder sizes, at most `max_bytes`.

    `program` is where ffmpeg is. `InputError` says why it could not, or that it took more than `seconds`.
    """
    from tempfile import TemporaryFile  # 5 ms of start-up

    with TemporaryFile() as given, TemporaryFile() as made:
        given.write(content)
        given.seek(0)
        _run([program, *_arguments(kind, max_bytes)], given, made, name, seconds)
        if made.seek(0, os.SEEK_END) > max_bytes:
            raise too_large(name, max_bytes, decoded=True)
        made.seek(0)
        return made.read()


def convert_by_ffmpeg(source: AudioSource, kind: Kind, name: str, rate: int, *, program: str) -> StoredSource:
    """The first sound track of a file as FLAC of one channel at `rate` Hz, in a temporary file.

    `InputError` says why it could not, or that it took too long for a file of that size.
    """
    patience = min(_MAX_SECONDS, 120 + source.size / _SLOWEST)
    command = [program, *_given(kind), "-af", f"aresample={rate}", "-sample_fmt", "s16"]
    # Under its file name, unlike as a pipe, it can be gone back in to write how long it is.
    command += ["-c:a", "flac", "-fs", str(_MAX_CONVERTED), "-f", "flac", "-y", "file:/dev/stdout"]
    with as_descriptor(source) as file:
        made = StoredSource(lambda sink: _run(command, file, sink, name, patience))
    if made.size >= _MAX_CONVERTED:
        raise too_large(name, _MAX_CONVERTED, decoded=True)
    return made


def _run(command: list[str], given: BinaryIO | int, made: BinaryIO, name: str, seconds: float) -> None:
    from tempfile import TemporaryFile

    with TemporaryFile() as said:
        try:
            status = children.run(command, stdin=given, stdout=made, stderr=said, timeout=seconds)
        except TimeoutError as exc:
            raise InputError(f"ffmpeg took more than {seconds:g} s for {quoted(name)}", hint=_HINT) from exc
        except OSError as exc:
            raise InputError(
                f"ffmpeg cannot be started for {quoted(name)}: {exc.strerror}", hint=_HINT
            ) from exc
        if status:
            raise InputError(f"ffmpeg cannot read {quoted(name)}: {_complaint(said)}", hint=_HINT)


def _given(kind: Kind) -> list[str]:
    """Takes the first sound track of what is on standard input, as one channel."""
    return [
        *("-nostdin", "-hide_banner", "-v", "error"),
        # Standard input under its file name: MP4 is read from its end, which a pipe does not allow.
        *("-protocol_whitelist", "file", "-f", _DEMUXERS[kind], "-i", "file:/dev/stdin"),
        *("-map", "0:a:0", "-map_metadata", "-1", "-ac", "1"),
    ]


def _arguments(kind: Kind, max_bytes: int) -> list[str]:
    return [
        *(*_given(kind), "-af", f"aformat=sample_rates={_RATES}"),
        *("-c:a", "pcm_s16le", "-fs", str(max_bytes + _OVERSHOOT), "-f", "wav", "pipe:1"),
    ]


def _complaint(said: IO[bytes]) -> str:
    """The first thing that ffmpeg had to say, without the part of it that said so."""
    said.seek(0)
    lines = said.read(4096).decode("utf-8", "replace").splitlines()
    texts = (re.sub(r"^\[.*?\]", "", line).strip() for line in lines)
    return one_line(next(filter(None, texts), "it does not say why"))
