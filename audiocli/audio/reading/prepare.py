"""An audio file becomes a part of a request: unchanged where models take it, converted where they do not."""

from dataclasses import dataclass, replace
from io import BytesIO

from audiocli import children
from audiocli.audio.containers.flac import Flac
from audiocli.audio.containers.mpeg import Mpeg
from audiocli.audio.containers.sniff import NAMES, Kind
from audiocli.audio.containers.video import stated_length
from audiocli.audio.containers.wav import Wav, read_wav, wav_header
from audiocli.audio.reading.damage import reading
from audiocli.audio.reading.decode import decode_file, decode_samples
from audiocli.audio.reading.extent import Extent, differences
from audiocli.audio.reading.ffmpeg import decode_by_ffmpeg
from audiocli.audio.reading.parts import (
    WAVES,
    Part,
    contents,
    identify,
    is_plain,
    misnamed,
    with_true_sizes,
)
from audiocli.audio.reading.source import JoinedSource, read_limited, too_large
from audiocli.audio.sndfile import UndecodableError
from audiocli.chat import AudioBytes, AudioPart, AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted

_HINT = "record or convert it again"


@dataclass(frozen=True)
class Prepared:
    """Audio that can be sent. `duration` is in seconds.

    `notes` are sentences about what was found and may surprise, `details` about what was done as a matter of
    course. `extent` compares what is sent with what the file holds.
    """

    part: AudioPart
    duration: float
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    extent: Extent | None = None


@dataclass(frozen=True)
class _Given:
    """A part of the file that is called `name`, and within which limits it is to be prepared."""

    part: Part
    name: str
    max_bytes: int
    ffmpeg: str

    @property
    def kind(self) -> Kind:
        return self.part.kind

    def read(self) -> bytes:
        with self.part.source.open() as file:
            return read_limited(file, self.max_bytes, self.name)

    def prepared(
        self, part: AudioPart, duration: float, stated: float | None, *, exact: bool = True, detail: str = ""
    ) -> Prepared:
        extent = Extent(duration, self.part.source.size, stated, exact, tracks=self.part.tracks)
        return Prepared(part, duration, details=(detail,) if detail else (), extent=extent)


def prepare(source: AudioSource, name: str, *, max_bytes: int, ffmpeg: str = "ffmpeg") -> Prepared:
    """Make `source` what every audio model takes: MP3, or WAV with 8 or 16-bit PCM in one or two channels.

    What is that already passes as it is. The rest is decoded to 16-bit mono WAV of at most `max_bytes`, by
    libsndfile or by the program `ffmpeg`, where it is on the PATH; so are several recordings that were joined
    in one file. What the file is, is told from its content; `name` is for the messages. Raises `InputError`
    for what is not audio, has no sound in it or is too large.
    """
    if source.size > max_bytes:
        raise too_large(name, max_bytes)
    with reading(name):
        return _prepare(source, name, max_bytes, ffmpeg)


def _prepare(source: AudioSource, name: str, max_bytes: int, ffmpeg: str) -> Prepared:
    kind, content = identify(source, name)
    found = contents(content, kind, name)
    if len(found.parts) > 1:
        prepared = _prepare_joined(source, name, max_bytes, ffmpeg)
    else:
        prepared = _prepare_part(_Given(found.parts[0], name, max_bytes, ffmpeg))
    assert prepared.extent  # noqa: S101 - whatever was prepared has one
    extent = replace(prepared.extent, unread=found.unread, size=content.size)
    notes = misnamed(name, kind) + differences(quoted(name), extent)
    return replace(prepared, notes=notes, extent=extent)


def _prepare_part(given: _Given) -> Prepared:
    match given.part.found:
        case Wav() as wav if given.kind in WAVES and is_plain(wav):
            part = AudioPart(with_true_sizes(given.part, wav), "wav")
            return given.prepared(part, wav.duration, wav.stated)
        case Wav() as wav:
            return _convert(given, wav)
        case Mpeg() as frames if given.kind == "mp3":
            source = given.part.source
            mended = source if frames.clean else JoinedSource(frames.head, source, frames.ranges)
            return given.prepared(AudioPart(mended, "mp3"), frames.duration, frames.promised)
    return _convert(given, None)


def _prepare_joined(source: AudioSource, name: str, max_bytes: int, ffmpeg: str) -> Prepared:
    """All that can be decoded of several recordings in one file, as one."""
    from audiocli.audio.reading.recorded import examine  # Most files are one recording, and need none of it.
    from audiocli.audio.reading.samples import SPEECH_RATE, byte_count, heard_pcm16

    sound = examine(source, name, ffmpeg=ffmpeg)
    if byte_count(sound.duration) + len(wav_header(0)) > max_bytes:
        raise too_large(name, max_bytes, decoded=True)
    data = b"".join(heard_pcm16(sound.samples(0), 0, sound.duration))
    part = AudioPart(AudioBytes(wav_header(len(data), SPEECH_RATE) + data), "wav")
    done = (
        f"{quoted(name)}: {sound.extent.parts if sound.extent else 1} recordings turned into one 16-bit WAV"
    )
    return Prepared(part, len(data) / byte_count(1), details=(done,), extent=sound.extent)


def _convert(given: _Given, wav: Wav | None) -> Prepared:
    """`wav` says where the samples are, where that is known."""
    content = given.read()
    try:
        sound = _decoded(given, content, wav)
    except UndecodableError as exc:
        sound = _run_ffmpeg(given, content, why=given.part.problem or exc.message)
    source, duration = _checked(sound, given.name)
    done = f"{quoted(given.name)}: {NAMES[given.kind]} turned into 16-bit WAV"
    stated, exact = _stated(given, wav)
    return given.prepared(AudioPart(source, "wav"), duration, stated, exact=exact, detail=done)


def _decoded(given: _Given, content: bytes, wav: Wav | None) -> bytes:
    if wav:
        samples = content[wav.data_offset : wav.data_offset + wav.data_size]
        return decode_samples(samples, wav, given.name, given.max_bytes)
    flac = given.part.found
    if isinstance(flac, Flac):
        content = flac.mended_head + content[len(flac.mended_head) :]
    return decode_file(content, given.kind, given.name, given.max_bytes)


def _stated(given: _Given, wav: Wav | None) -> tuple[float | None, bool]:
    """How long the file says that it is, and whether it counts it."""
    found = given.part.found
    if wav:
        return wav.stated, not wav.encoding.startswith("other:")
    if isinstance(found, Flac):
        return found.seconds, True
    with given.part.source.open() as file:
        length = stated_length(file, given.part.source.size, given.kind)
    return length.seconds if length else None, False


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
