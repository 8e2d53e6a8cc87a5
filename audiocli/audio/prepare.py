"""An audio file becomes a part of a request: unchanged where models take it, converted where they do not."""

import os.path
from dataclasses import dataclass, replace
from io import BytesIO

from audiocli import children
from audiocli.audio.damage import reading
from audiocli.audio.decode import decode_file, decode_samples
from audiocli.audio.ffmpeg import decode_by_ffmpeg
from audiocli.audio.sndfile import UndecodableError
from audiocli.audio.sniff import HEAD_BYTES, NAMES, Kind, leading_tags, recognised, sniff
from audiocli.audio.source import SliceSource, read_limited, too_large
from audiocli.audio.wav import STREAMED, Wav, read_wav, read_wav_variant, wav_header
from audiocli.chat import AudioBytes, AudioPart, AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted

_WAVES: frozenset[Kind] = frozenset(("wav", "rf64", "rifx"))
_FRAMED: frozenset[Kind] = frozenset(("mp3", "mp2", "aac"))
_EXTENSIONS: dict[str, frozenset[Kind]] = {
    ".wav": _WAVES,
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


@dataclass(frozen=True)
class Prepared:
    """Audio that can be sent. `duration` is in seconds, `None` where only a decoder could tell.

    `notes` are sentences about what was found and may surprise, `details` about what was done as a matter of
    course.
    """

    part: AudioPart
    duration: float | None
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Given:
    """What there is to prepare, and within which limits."""

    source: AudioSource
    name: str
    kind: Kind
    max_bytes: int
    ffmpeg: str

    def read(self) -> bytes:
        with self.source.open() as file:
            return read_limited(file, self.max_bytes, self.name)


def prepare(source: AudioSource, name: str, *, max_bytes: int, ffmpeg: str = "ffmpeg") -> Prepared:
    """Make `source` what every audio model takes: MP3, or WAV with 8 or 16-bit PCM in one or two channels.

    What is that already passes unread. The rest is decoded to 16-bit mono WAV of at most `max_bytes`, by
    libsndfile or by the program `ffmpeg`, where it is on the PATH. What the file is, is told from its
    content; `name` is for the messages. Raises `InputError` for what is not audio, has no sound in it or is
    too large.
    """
    if source.size > max_bytes:
        raise too_large(name, max_bytes)
    with reading(name):
        return _prepare(source, name, max_bytes, ffmpeg)


def _prepare(source: AudioSource, name: str, max_bytes: int, ffmpeg: str) -> Prepared:
    kind, source = identify(source, name)
    notes = misnamed(name, kind)
    given = _Given(source, name, kind, max_bytes, ffmpeg)
    if kind == "mp3":
        return Prepared(AudioPart(source, "mp3"), None, notes)
    prepared = _prepare_wav(given) if kind in _WAVES else _convert(given, None)
    return replace(prepared, notes=notes + prepared.notes)


def identify(source: AudioSource, name: str) -> tuple[Kind, AudioSource]:
    """What the content is, and the content: without the ID3v2 tags that some programs put before any format.

    MPEG audio keeps them; every decoder of it expects some.
    """
    with source.open() as file:
        tags = leading_tags(file)
        file.seek(tags)
        head = file.read(HEAD_BYTES)
    if not tags:
        return recognised(head, name), source
    kind = sniff(head) or "mp3"
    if kind in _FRAMED:
        return kind, source
    return kind, SliceSource(b"", source, tags, source.size - tags)


def misnamed(name: str, kind: Kind) -> tuple[str, ...]:
    expected = _EXTENSIONS.get(os.path.splitext(name)[1].lower())
    if expected is None or kind in expected:
        return ()
    return (f"{quoted(name)} is {NAMES[kind]} by its content",)


def _prepare_wav(given: _Given) -> Prepared:
    wav = locate_sound(given.source, given.name)
    notes = cut_off(quoted(given.name), wav)
    if not is_plain(wav):
        return replace(_convert(given, wav), notes=notes)
    return Prepared(AudioPart(with_true_sizes(given.source, given.kind, wav), "wav"), wav.duration, notes)


def locate_sound(source: AudioSource, name: str) -> Wav:
    """Raises `InputError`, which calls it `name`."""
    try:
        with source.open() as file:
            return read_wav_variant(file, source.size)
    except InputError as exc:
        raise InputError(f"{quoted(name)} is not a usable WAV file: {exc.message}", hint=_HINT) from exc


def cut_off(what: str, wav: Wav) -> tuple[str, ...]:
    """A note for a file that says that it is longer; `what` it is called."""
    if not wav.truncated:
        return ()
    promised = wav.size_field / wav.byte_rate
    return (f"{what} is cut off: {wav.duration:.1f} s of {promised:.1f} s are there",)


def is_plain(wav: Wav) -> bool:
    """Whether it is what the first WAV files were, which every decoder knows."""
    return wav.encoding == "pcm" and wav.bits in (8, 16) and wav.channels <= 2 and wav.byte_order == "little"


def with_true_sizes(source: AudioSource, kind: Kind, wav: Wav) -> AudioSource:
    """The file as it is, or under a header of our own where its own is RF64 or lies about its size.

    Services accept the placeholder of a stream; with other wrong sizes they may hear nothing.
    """
    honest = not wav.truncated and (not wav.streamed or wav.size_field == STREAMED)
    if kind == "wav" and honest:
        return source
    header = wav_header(wav.data_size, wav.rate, wav.channels, wav.bits)
    return SliceSource(header, source, wav.data_offset, wav.data_size)


def _convert(given: _Given, wav: Wav | None) -> Prepared:
    """`wav` says where the samples are, where that is known."""
    content = given.read()
    try:
        if wav:
            samples = content[wav.data_offset : wav.data_offset + wav.data_size]
            sound = decode_samples(samples, wav, given.name, given.max_bytes)
        else:
            sound = decode_file(content, given.kind, given.name, given.max_bytes)
    except UndecodableError as exc:
        sound = _run_ffmpeg(given, content, why=exc.message)
    source, duration = _checked(sound, given.name)
    done = f"{quoted(given.name)}: {NAMES[given.kind]} turned into 16-bit WAV"
    return Prepared(AudioPart(source, "wav"), duration, details=(done,))


def _run_ffmpeg(given: _Given, content: bytes, *, why: str) -> bytes:
    """`why` says what is in the way of doing without ffmpeg."""
    program = children.find(given.ffmpeg)
    if not program:
        raise InputError(
            f"{quoted(given.name)} is {NAMES[given.kind]}, which cannot be decoded here ({why})",
            hint="install ffmpeg, or convert it to WAV, MP3 or FLAC",
        )
    return decode_by_ffmpeg(content, given.kind, given.name, given.max_bytes, program=program)


def _checked(content: bytes, name: str) -> tuple[AudioSource, float]:
    """A WAV that a decoder made, with true sizes (ffmpeg writes to a pipe, and leaves placeholders)."""
    try:
        wav = read_wav(BytesIO(content), len(content))
    except InputError as exc:
        raise InputError(f"{quoted(name)} has no usable sound: {exc.message}", hint=_HINT) from exc
    data = content[wav.data_offset : wav.data_offset + wav.data_size]
    return AudioBytes(wav_header(len(data), wav.rate, wav.channels, wav.bits) + data), wav.duration
