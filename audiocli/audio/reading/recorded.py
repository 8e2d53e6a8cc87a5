"""A recording that is there: what it is, how long, and whether anything about it surprises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from audiocli import children
from audiocli.audio.containers.flac import Flac
from audiocli.audio.containers.mpeg import Mpeg
from audiocli.audio.containers.pcm import READERS
from audiocli.audio.containers.sniff import NAMES, Kind
from audiocli.audio.containers.video import stated_length
from audiocli.audio.containers.wav import MAX_RATE, MIN_RATE, Wav
from audiocli.audio.reading.damage import reading
from audiocli.audio.reading.decode import layout_of
from audiocli.audio.reading.extent import Extent, differences
from audiocli.audio.reading.ffmpeg import convert_by_ffmpeg
from audiocli.audio.reading.parts import (
    WAVES,
    Part,
    contents,
    identify,
    is_plain,
    misnamed,
    with_true_sizes,
)
from audiocli.audio.reading.samples import SPEECH_RATE, Once, Samples, joined, salvaged
from audiocli.audio.reading.source import JoinedSource, SliceSource
from audiocli.audio.sndfile import UndecodableError
from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted

_WORDS: dict[Kind, str] = {"mp4": "m4a", "opus": "ogg", "rf64": "wav", "rifx": "wav"}
"""The wire's words for a container, where they are not our own."""

_HINT = "install ffmpeg, or convert it to WAV, MP3 or FLAC"
_IT = "it"  # A note holds of the content, whatever a file with it is called.
_TAIL = 0.5  # seconds before the end of a file that show whether they are there


@dataclass(frozen=True)
class Sound:
    """A recording that can be read in pieces, by several threads at once.

    `source` is the file as it was given, and `format` the wire's word for its container; `plain` says that a
    service can be trusted to read it. `duration` is of the sound that is there, in seconds; `rate` (Hz) and
    `channels` are 0 where only a decoder could tell. `notes` are sentences about it that may surprise, and
    hold of every copy; what is odd about this one's name is in `misnamed`.

    `direct` is the sound as it can be read from the file, and `made` reads it from any place, at the first
    call perhaps after a conversion of all of it. `extent` compares what is heard with what the file holds.
    """

    name: str
    source: AudioSource
    format: str
    duration: float
    rate: int
    channels: int
    notes: tuple[str, ...]
    plain: bool
    direct: Samples | None
    made: Callable[[], Samples] | None = None
    misnamed: tuple[str, ...] = ()
    extent: Extent | None = None

    def samples(self, start: float) -> Samples:
        """What has the sound from `start` on. Raises `InputError` where nothing can decode it."""
        if self.direct and (self.direct.seekable or start <= 0):
            return self.direct
        assert self.made  # noqa: S101 - what cannot be read as it is was given a way
        return self.made()


@dataclass(frozen=True)
class _Given:
    """What there is to examine: a part of the file that is called `name`."""

    part: Part
    name: str
    ffmpeg: str

    @property
    def source(self) -> AudioSource:
        return self.part.source

    @property
    def kind(self) -> Kind:
        return self.part.kind

    def sound(
        self,
        duration: float,
        direct: Samples | None,
        *,
        made: Callable[[], Samples] | None = None,
        source: AudioSource | None = None,
        plain: bool = True,
        stated: float | None = None,
        exact: bool = True,
        notes: tuple[str, ...] = (),
    ) -> Sound:
        """`stated` is what the file says that the duration is."""
        return Sound(
            name=self.name,
            source=source or self.source,
            format=_WORDS.get(self.kind, self.kind),
            duration=duration,
            rate=direct.rate if direct else 0,
            channels=direct.channels if direct else 0,
            notes=notes,
            plain=plain,
            direct=direct,
            made=made,
            extent=Extent(duration, self.source.size, stated, exact, tracks=self.part.tracks),
        )


def examine(source: AudioSource, name: str, *, ffmpeg: str = "ffmpeg") -> Sound:
    """What `source` holds, told from its content; `name` is for the messages.

    Blocks, for as long as it takes to decode the whole where nothing less tells how long it is. Raises
    `InputError` for what is not audio, or cannot be decoded.
    """
    with reading(name):
        kind, content = identify(source, name)
        found = contents(content, kind, name)
        sound = _examine_all([_Given(part, name, ffmpeg) for part in found.parts])
        assert sound.extent  # noqa: S101 - every examiner gives one
        extent = replace(sound.extent, unread=found.unread, size=content.size)
        notes = differences(_IT, extent) + sound.notes
    return replace(sound, notes=notes, misnamed=misnamed(name, kind), extent=extent)


def _examine_all(parts: list[_Given]) -> Sound:
    """One sound, of all parts that can be read; what is wrong with the first is raised if none can."""
    if len(parts) == 1:
        return _examine(parts[0])
    sounds, failure = [], None
    for part in parts:
        try:
            sounds.append(_examine(part))
        except InputError as exc:
            failure = failure or exc
    if not sounds:
        assert failure  # noqa: S101 - nothing else keeps a part from having a sound
        raise failure
    return _joined(sounds, len(parts))


def _joined(sounds: list[Sound], parts: int) -> Sound:
    """Sounds one after the other, as one that is decoded when it is first wanted."""
    extents = [sound.extent for sound in sounds if sound.extent]
    duration = sum(sound.duration for sound in sounds)
    extent = Extent(
        heard=duration,
        size=sum(extent.size for extent in extents),
        stated=sum(extent.heard if extent.stated is None else extent.stated for extent in extents),
        exact=all(extent.exact for extent in extents),
        parts=parts,
        left_out=parts - len(sounds),
        tracks=max(extent.tracks for extent in extents),
    )
    return replace(
        sounds[0],
        duration=duration,
        notes=tuple(dict.fromkeys(note for sound in sounds for note in sound.notes)),
        plain=False,
        direct=None,
        made=Once(lambda: joined([sound.samples(0) for sound in sounds])),
        extent=extent,
    )


def _examine(given: _Given) -> Sound:
    try:
        return _EXAMINERS.get(given.kind, _examine_foreign)(given)
    except UndecodableError as exc:
        return _examine_by_ffmpeg(given, exc.message)


def _examine_wav(given: _Given) -> Sound:
    wav = given.part.found
    if not isinstance(wav, Wav):
        raise UndecodableError(given.part.problem or "its header is damaged")
    layout = layout_of(wav)
    source = SliceSource(b"", given.source, wav.data_offset, wav.data_size)
    samples = Samples(given.name, source, wav.rate, wav.channels, layout)
    mended = _mended(given.part, wav)
    return given.sound(wav.duration, samples, stated=wav.stated, source=mended, plain=mended is not None)


def _mended(part: Part, wav: Wav) -> AudioSource | None:
    """What a service can be trusted to read all of; `None` if that needs a conversion."""
    if part.kind not in WAVES:
        return part.source if not wav.streamed and wav.data_size == wav.size_field else None
    if not is_plain(wav):
        return None
    try:
        return with_true_sizes(part, wav)
    except ValueError:  # It is too long for a WAV file.
        return None


def _examine_mpeg(given: _Given) -> Sound:
    found = given.part.found
    assert isinstance(found, Mpeg)  # noqa: S101 - its reader gives nothing else
    frames = JoinedSource(found.head, given.source, found.ranges)
    source = given.source if found.clean else frames
    if given.kind == "mp3":
        # mpg123 finds a place of its own choice. It complains on stderr of all but whole frames.
        samples = Samples(given.name, frames, found.rate, found.channels, seekable=False)
        made = Once(lambda: salvaged(samples)[0])
        return given.sound(found.duration, samples, made=made, source=source, stated=found.promised)
    alone = replace(given, part=replace(given.part, source=source))
    sound = given.sound(found.duration, None, made=Once(partial(_by_ffmpeg, alone)), source=source)
    return replace(sound, rate=found.rate, channels=found.channels)


def _examine_file(given: _Given) -> Sound:
    flac = given.part.found if isinstance(given.part.found, Flac) else None
    mended = _with_true_count(given, flac) if flac and flac.understated else given
    samples, stated = _opened(mended)
    promised = stated / samples.rate if stated else None
    if stated and promised and _has_tail(samples, stated):
        seconds = flac.seconds if flac else None
        return mended.sound(promised, samples, stated=seconds, notes=_endless(given))
    copy, duration = salvaged(samples)
    return given.sound(duration, copy, plain=False, stated=promised)


def _with_true_count(given: _Given, flac: Flac) -> _Given:
    head = flac.mended_head
    source = SliceSource(head, given.source, len(head), given.source.size - len(head))
    return replace(given, part=replace(given.part, source=source))


def _opened(given: _Given) -> tuple[Samples, int | None]:
    """The samples of a file that libsndfile reads, and how many frames it says that there are."""
    unread = Samples(given.name, given.source, 0, 0)
    with unread.open() as reader:
        if not MIN_RATE <= reader.rate <= MAX_RATE:
            raise UndecodableError(f"{reader.rate:,} Hz is no sample rate")
        return replace(unread, rate=reader.rate, channels=reader.channels), reader.frames


def _has_tail(samples: Samples, frames: int) -> bool:
    """Whether the last of so many frames are there, and no more."""
    tail = min(frames, round(_TAIL * samples.rate))
    try:
        with samples.open() as reader:
            reader.seek(frames - tail)
            return tail > 0 and len(reader.read(tail)) == tail
    except UndecodableError:
        return False


def _endless(given: _Given) -> tuple[str, ...]:
    """A note for Ogg whose last page does not say that it is the last; other files say how long they are."""
    return () if given.part.ended else (f"{_IT} is cut off: its last page is missing",)


def _examine_foreign(given: _Given) -> Sound:
    """What only ffmpeg decodes. Where it is not there, some files still say how long they are."""
    with given.source.open() as file:
        stated = stated_length(file, given.source.size, given.kind)
    if stated and stated.whole:
        return given.sound(stated.seconds, None, made=Once(partial(_by_ffmpeg, given)))
    sound = _examine_by_ffmpeg(given)
    extent = Extent(sound.duration, given.source.size, stated.seconds if stated else None, exact=False)
    return replace(sound, extent=extent)


def _examine_by_ffmpeg(given: _Given, why: str = "it takes ffmpeg") -> Sound:
    samples = _by_ffmpeg(given, why)
    with_length, frames = _opened(replace(given, part=Part("flac", samples.source)))
    if not frames:
        raise InputError(f"{quoted(given.name)} has no sound in it", hint="name a file with sound")
    return given.sound(frames / with_length.rate, samples, plain=False)


def _by_ffmpeg(given: _Given, why: str = "it takes ffmpeg") -> Samples:
    """`why` says what is in the way of doing without."""
    program = children.find(given.ffmpeg)
    if not program:
        raise InputError(
            f"{quoted(given.name)} is {NAMES[given.kind]}, which cannot be decoded here ({why})", hint=_HINT
        )
    made = convert_by_ffmpeg(given.source, given.kind, given.name, SPEECH_RATE, program=program)
    return Samples(given.name, made, SPEECH_RATE, 1)


_EXAMINERS: dict[Kind, Callable[[_Given], Sound]] = {
    **dict.fromkeys((*WAVES, *READERS), _examine_wav),
    **dict.fromkeys(("mp3", "mp2", "aac"), _examine_mpeg),
    **dict.fromkeys(("flac", "ogg", "opus"), _examine_file),
}
