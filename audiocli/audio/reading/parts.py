"""What a file holds: one recording, or several that were joined, as `cat` and stream recorders do it.

Most decoders hear the first one, and take its end for that of the file.
"""

import os.path
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from audiocli.audio.containers.flac import Flac, read_flac
from audiocli.audio.containers.mpeg import Frames, Mpeg, read_mpeg
from audiocli.audio.containers.ogg import read_ogg
from audiocli.audio.containers.pcm import READERS, read_pcm
from audiocli.audio.containers.scan import find_mark
from audiocli.audio.containers.sniff import HEAD_BYTES, NAMES, Kind, recognised, signed_kind, sniff
from audiocli.audio.containers.tags import after_tags, leading_tags
from audiocli.audio.containers.video import container_end
from audiocli.audio.containers.wav import STREAMED, Wav, read_wav_variant, wav_header
from audiocli.audio.reading.source import SliceSource
from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted

FRAMED: frozenset[Kind] = frozenset(("mp3", "mp2", "aac"))
WAVES: frozenset[Kind] = frozenset(("wav", "rf64", "rifx"))

_EXTENSIONS: dict[str, frozenset[Kind]] = {
    ".wav": WAVES,
    ".mp3": frozenset(("mp3",)),
    ".flac": frozenset(("flac",)),
    ".ogg": frozenset(("ogg", "opus")),
    ".oga": frozenset(("ogg", "opus")),
    ".opus": frozenset(("opus",)),
    ".aif": frozenset(("aiff",)),
    ".aiff": frozenset(("aiff",)),
    ".caf": frozenset(("caf",)),
    ".au": frozenset(("au",)),
    ".m4a": frozenset(("mp4",)),
    ".mp4": frozenset(("mp4",)),
    ".webm": frozenset(("webm",)),
    ".aac": frozenset(("aac",)),
}
"""What a file with such a name is expected to be; of other names nothing is expected."""

_HINT = "record or convert it again"
_MPEG_IN_WAV = ("other:0x0050", "other:0x0055")  # layer II, and MP3
_MAX_PARTS = 1_000  # in one file
_MAX_SEARCHED = 2**30  # bytes of samples that are searched for the header of another file
_WAVPACK_INITIAL = 0x800  # the flag of the first of the blocks that are heard at the same time
_GUID_WMA = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")

_Accepts = Callable[[bytes], bool]

_BEGINNINGS: dict[Kind, tuple[bytes, _Accepts]] = {
    "wav": (
        b"RIFF",
        lambda head: head[8:12] == b"WAVE" and head[12:16] in (b"fmt ", b"LIST", b"bext", b"JUNK"),
    ),
    "rf64": (b"RF64", lambda head: head[8:16] == b"WAVEds64"),
    "rifx": (b"RIFX", lambda head: head[8:16] == b"WAVEfmt "),
    "aiff": (b"FORM", lambda head: head[8:12] in (b"AIFF", b"AIFC")),
    "au": (b".snd\0\0", lambda head: head[12:15] == bytes(3) and 1 <= head[15] <= 27),
    "caf": (b"caff\0\1\0\0desc", lambda head: True),
    "w64": (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", lambda head: True),
    "amr": (b"#!AMR", lambda head: head[5:6] in (b"\n", b"-", b"_")),
    "wma": (_GUID_WMA, lambda head: True),
    "avi": (b"RIFF", lambda head: head[8:16] == b"AVI LIST"),
    "flv": (b"FLV\1", lambda head: head[5:9] == b"\0\0\0\t"),
    "voc": (b"Creative Voice File\x1a", lambda head: True),
}
"""How files begin whose end shows only where another one starts."""


@dataclass(frozen=True)
class Part:
    """One recording: where it is, alone, and what its headers say, or the `problem` with them.

    `tracks` are the streams of sound that are in it at the same time; `ended` says that its last page is
    there, if it has pages.
    """

    kind: Kind
    source: AudioSource
    found: Wav | Mpeg | Flac | None = None
    problem: str | None = None
    tracks: int = 1
    ended: bool = True


@dataclass(frozen=True)
class Content:
    """All of a file: its parts, and how many bytes no reader knows."""

    parts: tuple[Part, ...]
    unread: int


@dataclass
class _Read:
    """What a reader found from the start of `source` on, and where that ends."""

    parts: list[Part] = field(default_factory=list)
    end: int = 0
    unread: int = 0


def identify(source: AudioSource, name: str) -> tuple[Kind, AudioSource]:
    """What the content is, and the content: without the ID3v2 tags that some programs put before any format.

    MPEG audio keeps them; every decoder of it expects some. Raises `InputError` for what is not audio.
    """
    with source.open() as file:
        tags = leading_tags(file)
        file.seek(tags)
        head = file.read(HEAD_BYTES)
    if not tags:
        return recognised(head, name), source
    kind = sniff(head) or "mp3"
    if kind in FRAMED:
        return kind, source
    return kind, SliceSource(b"", source, tags, source.size - tags)


def misnamed(name: str, kind: Kind) -> tuple[str, ...]:
    """A note for a name that belongs to another kind."""
    expected = _EXTENSIONS.get(os.path.splitext(name)[1].lower())
    if expected is None or kind in expected:
        return ()
    return (f"{quoted(name)} is {NAMES[kind]} by its content",)


def contents(source: AudioSource, kind: Kind, name: str) -> Content:
    """What is in a file that starts as `kind`. Raises `InputError` if not even the first part can be read."""
    parts: list[Part] = []
    offset, unread = 0, 0
    following: Kind | None = kind
    while following and len(parts) < _MAX_PARTS:
        rest = SliceSource(b"", source, offset, source.size - offset) if offset else source
        try:
            read = _read(rest, following)
        except InputError as exc:
            if parts:
                break
            what = "a usable WAV file" if kind in WAVES else "usable"
            raise InputError(f"{quoted(name)} is not {what}: {exc.message}", hint=_HINT) from exc
        if parts and any(part.problem for part in read.parts):
            break
        parts += read.parts
        unread += read.unread
        offset, following = _next(source, offset + read.end)
    return Content(tuple(parts), unread + source.size - offset)


def _next(source: AudioSource, offset: int) -> tuple[int, Kind | None]:
    """Where what follows starts, and what it is."""
    if offset >= source.size:
        return source.size, None
    with source.open() as file:
        offset = after_tags(file, offset, source.size)
        file.seek(offset)
        head = file.read(HEAD_BYTES)
    return offset, signed_kind(head) or (sniff(head) if head else None)


def _read(source: AudioSource, kind: Kind) -> _Read:
    with source.open() as file:
        if kind in FRAMED:
            return _read_frames(source, read_mpeg(file, source.size))
        if kind in WAVES:
            return _read_wav(file, source, kind)
        if kind in READERS:
            return _read_pcm(file, source, kind)
        if kind == "flac":
            return _read_flac(file, source)
        if kind in ("ogg", "opus"):
            return _read_ogg(file, source, kind)
        if kind in ("mp4", "webm"):
            end = container_end(file, source.size, kind)
        else:
            end = (
                _wavpack_end(file, source.size)
                if kind == "wavpack"
                else _next_beginning(file, source, kind, 1)
            )
    return _Read([Part(kind, _first(source, end))], end)


def _read_frames(source: AudioSource, frames: Frames) -> _Read:
    return _Read([Part(each.kind, source, each) for each in frames.parts], frames.end, frames.unread)


def _read_wav(file: BinaryIO, source: AudioSource, kind: Kind) -> _Read:
    wav = read_wav_variant(file, source.size)
    if wav.encoding in _MPEG_IN_WAV:
        inner = SliceSource(b"", source, wav.data_offset, wav.data_size)
        try:
            with inner.open() as sound:
                return _Read(_read_frames(inner, read_mpeg(sound, inner.size)).parts, wav.end)
        except InputError:
            pass  # It is something else, or damaged, and ffmpeg's.
    return _located(file, source, kind, wav)


def _read_pcm(file: BinaryIO, source: AudioSource, kind: Kind) -> _Read:
    try:
        wav = read_pcm(file, source.size, kind)
    except InputError as exc:
        return _Read([Part(kind, source, problem=exc.message)], source.size)
    return _located(file, source, kind, wav)


def _located(file: BinaryIO, source: AudioSource, kind: Kind, wav: Wav) -> _Read:
    """`wav`, or if its size is wrong, as much of it as is before the next file."""
    guessed = wav.data_size != wav.size_field and wav.data_offset + wav.data_size == wav.end
    if guessed and wav.data_size <= _MAX_SEARCHED:
        end = _next_beginning(file, source, kind, wav.data_offset)
        if end < wav.end:
            there = (end - wav.data_offset) // wav.block_align * wav.block_align
            wav = replace(
                wav, data_size=there, end=end, truncated=not wav.streamed and there < wav.size_field
            )
    return _Read([Part(kind, _first(source, wav.end), wav)], wav.end)


def _read_flac(file: BinaryIO, source: AudioSource) -> _Read:
    try:
        flac = read_flac(file, source.size)
    except InputError as exc:
        return _Read([Part("flac", source, problem=exc.message)], source.size)
    return _Read([Part("flac", _first(source, flac.end), flac)], flac.end)


def _read_ogg(file: BinaryIO, source: AudioSource, kind: Kind) -> _Read:
    try:
        found = read_ogg(file, source.size)
    except InputError as exc:
        return _Read([Part(kind, source, problem=exc.message)], source.size)
    parts = []
    for link in found.links:
        content = SliceSource(b"", source, link.start, link.end - link.start)
        alone = source if content.size == source.size else content
        parts.append(Part(_kind_of(alone), alone, tracks=link.tracks, ended=link.ended))
    return _Read(parts, found.links[-1].end, found.unread)


def _wavpack_end(file: BinaryIO, size: int) -> int:
    """Where the blocks count from 0 again (https://www.wavpack.com/WavPack5FileFormat.pdf)."""
    offset = 0
    while offset < size:
        file.seek(offset)
        head = file.read(28)
        if len(head) < 28 or head[:4] != b"wvpk":
            break
        index, samples, flags = struct.unpack_from("<III", head, 16)
        if offset and samples and not index and flags & _WAVPACK_INITIAL:
            return offset
        offset += 8 + int.from_bytes(head[4:8], "little")
    return min(offset, size) or size


def _kind_of(source: AudioSource) -> Kind:
    with source.open() as file:
        return signed_kind(file.read(HEAD_BYTES)) or "ogg"


def _next_beginning(file: BinaryIO, source: AudioSource, kind: Kind, start: int) -> int:
    """Where another file of that kind starts in `source`, at `start` or after it; else its end."""
    if kind not in _BEGINNINGS:
        return source.size
    found = find_mark(file, _BEGINNINGS[kind][0], start, _BEGINNINGS[kind][1])
    return source.size if found is None else found


def _first(source: AudioSource, size: int) -> AudioSource:
    """The first `size` bytes."""
    return source if size == source.size else SliceSource(b"", source, 0, size)


def is_plain(wav: Wav) -> bool:
    """Whether it is what the first WAV files were, which every decoder knows."""
    return wav.encoding == "pcm" and wav.bits in (8, 16) and wav.channels <= 2 and _has_wav_order(wav)


def _has_wav_order(wav: Wav) -> bool:
    return wav.byte_order == "little" or wav.bits == 8


def with_true_sizes(part: Part, wav: Wav) -> AudioSource:
    """The file as it is, or under a header of our own if its own is another one or has a wrong size.

    Services accept the placeholder of a stream; with other wrong sizes they may hear nothing. Raises
    `ValueError` if it is too long for a WAV file.
    """
    exact = wav.size_field - wav.data_size in range(wav.block_align)
    if part.kind == "wav" and (wav.size_field == STREAMED if wav.streamed else exact):
        return part.source
    header = wav_header(wav.data_size, wav.rate, wav.channels, wav.bits)
    return SliceSource(header, part.source, wav.data_offset, wav.data_size)
