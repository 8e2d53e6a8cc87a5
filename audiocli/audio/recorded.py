"""A recording that is there: what it is, how long, and whether anything about it surprises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from audiocli import children
from audiocli.audio.container import stated_length
from audiocli.audio.damage import reading
from audiocli.audio.decode import UNTRUSTED, is_trusted, layout_of
from audiocli.audio.ffmpeg import convert_by_ffmpeg
from audiocli.audio.mpeg import Mpeg, read_mpeg
from audiocli.audio.prepare import cut_off, identify, is_plain, locate_sound, misnamed, with_true_sizes
from audiocli.audio.samples import SPEECH_RATE, Once, Samples, salvaged
from audiocli.audio.sndfile import UndecodableError
from audiocli.audio.sniff import NAMES, Kind
from audiocli.audio.source import SliceSource
from audiocli.audio.wav import MAX_RATE, MIN_RATE, Wav
from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted

_WORDS: dict[Kind, str] = {"mp4": "m4a", "opus": "ogg", "rf64": "wav", "rifx": "wav"}
"""The wire's words for a container, where they are not our own."""

_HINT = "install ffmpeg, or convert it to WAV, MP3 or FLAC"
_IT = "it"  # A note holds of the content, whatever a file with it is called.
_TAIL = 0.5  # seconds before the end of a file that show whether they are there
_LARGEST_PAGE = 65_307  # bytes, in Ogg
_LAST_PAGE = 4  # among the flags of one
_LOST = 1.0  # seconds that may be missing before it is worth a word


@dataclass(frozen=True)
class Sound:
    """A recording that can be read in pieces, by several threads at once.

    `source` is the file as it was given, and `format` the wire's word for its container; `plain` says that a
    service can be trusted to read it. `duration` is of the sound that is there, in seconds; `rate` (Hz) and
    `channels` are 0 where only a decoder could tell. `notes` are sentences about it that may surprise, and
    hold of every copy; what is odd about this one's name is in `misnamed`.

    `direct` is the sound as it can be read from the file, and `made` reads it from any place, at the first
    call perhaps after a conversion of all of it.
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

    def samples(self, start: float) -> Samples:
        """What has the sound from `start` on. Raises `InputError` where nothing can decode it."""
        if self.direct and (self.direct.seekable or start <= 0):
            return self.direct
        assert self.made  # noqa: S101 - what cannot be read as it is was given a way
        return self.made()


@dataclass(frozen=True)
class _Given:
    """What there is to examine."""

    source: AudioSource
    name: str
    kind: Kind
    ffmpeg: str

    def sound(
        self,
        duration: float,
        direct: Samples | None,
        *,
        made: Callable[[], Samples] | None = None,
        plain: bool = True,
        notes: tuple[str, ...] = (),
    ) -> Sound:
        return Sound(
            name=self.name,
            source=self.source,
            format=_WORDS.get(self.kind, self.kind),
            duration=duration,
            rate=direct.rate if direct else 0,
            channels=direct.channels if direct else 0,
            notes=notes,
            plain=plain,
            direct=direct,
            made=made,
        )


def examine(source: AudioSource, name: str, *, ffmpeg: str = "ffmpeg") -> Sound:
    """What `source` holds, told from its content; `name` is for the messages.

    Blocks, for as long as it takes to decode the whole where nothing less tells how long it is. Raises
    `InputError` for what is not audio, or cannot be decoded.
    """
    with reading(name):
        kind, content = identify(source, name)
        sound = _examine(_Given(content, name, kind, ffmpeg))
    return replace(sound, misnamed=misnamed(name, kind))


def _examine(given: _Given) -> Sound:
    try:
        return _EXAMINERS.get(given.kind, _examine_foreign)(given)
    except UndecodableError as exc:
        return _examine_by_ffmpeg(given, exc.message)


def _examine_wav(given: _Given) -> Sound:
    wav = locate_sound(given.source, given.name)
    layout = layout_of(wav)
    source = SliceSource(b"", given.source, wav.data_offset, wav.data_size)
    samples = Samples(given.name, source, wav.rate, wav.channels, layout)
    sound = given.sound(wav.duration, samples, notes=cut_off(_IT, wav))
    mended = _mended(given, wav)
    return replace(sound, source=mended, plain=True) if mended else replace(sound, plain=False)


def _mended(given: _Given, wav: Wav) -> AudioSource | None:
    """The file with a header that every decoder knows; `None` where WAV as everybody knows it cannot be."""
    if not is_plain(wav):
        return None
    try:
        return with_true_sizes(given.source, given.kind, wav)
    except ValueError:  # It is too long for that.
        return None


def _examine_mpeg(given: _Given) -> Sound:
    try:
        with given.source.open() as file:
            found = read_mpeg(file, given.source.size)
    except InputError as exc:
        raise InputError(f"{quoted(given.name)} is not usable: {exc.message}", hint=_HINT) from exc
    notes = _shortened(found.duration, found.promised)
    if given.kind == "mp3":
        samples = _mp3_samples(given, found)
        made = Once(lambda: salvaged(samples)[0])
        return given.sound(found.duration, samples, made=made, plain=not notes, notes=notes)
    sound = given.sound(found.duration, None, made=Once(partial(_by_ffmpeg, given)), notes=notes)
    return replace(sound, rate=found.rate, channels=found.channels)


def _mp3_samples(given: _Given, found: Mpeg) -> Samples:
    """Its frames alone: tags can be many megabytes, and half a frame at the end is an error."""
    source = SliceSource(found.head, given.source, found.offset, found.size)
    # mpg123 finds a place of its own choice, and complains on stderr of what it misses there.
    return Samples(given.name, source, found.rate, found.channels, seekable=False, damaged=not found.clean)


def _examine_file(given: _Given) -> Sound:
    with given.source.open() as file:
        if not is_trusted(given.kind, file):
            raise UndecodableError(UNTRUSTED)
    samples, stated = _opened(given)
    if stated is not None and _has_tail(samples, stated):
        return given.sound(stated / samples.rate, samples, notes=_endless(given))
    copy, duration = salvaged(samples)
    promised = stated / samples.rate if stated else None
    notes = _shortened(duration, promised)
    return given.sound(duration, copy, plain=False, notes=notes)


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
    if given.kind not in ("ogg", "opus"):
        return ()
    with given.source.open() as file:
        file.seek(max(0, given.source.size - _LARGEST_PAGE))
        last = file.read().rpartition(b"OggS")[2]
    if last[1:2] and last[1] & _LAST_PAGE:
        return ()
    return (f"{_IT} is cut off: its last page is missing",)


def _examine_foreign(given: _Given) -> Sound:
    """What only ffmpeg decodes. Where it is not there, some files still say how long they are."""
    with given.source.open() as file:
        stated = stated_length(file, given.source.size, given.kind)
    if stated and stated.whole:
        return given.sound(stated.seconds, None, made=Once(partial(_by_ffmpeg, given)))
    sound = _examine_by_ffmpeg(given)
    return replace(sound, notes=_shortened(sound.duration, stated.seconds if stated else None))


def _examine_by_ffmpeg(given: _Given, why: str = "it takes ffmpeg") -> Sound:
    samples = _by_ffmpeg(given, why)
    with_length, frames = _opened(replace(given, source=samples.source))
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


def _shortened(duration: float, promised: float | None) -> tuple[str, ...]:
    if promised is None or promised - duration < _LOST:
        return ()
    return (f"{_IT} is cut off: {duration:.1f} s of {promised:.1f} s are there",)


_EXAMINERS: dict[Kind, Callable[[_Given], Sound]] = {
    **dict.fromkeys(("wav", "rf64", "rifx"), _examine_wav),
    **dict.fromkeys(("mp3", "mp2", "aac"), _examine_mpeg),
    **dict.fromkeys(("flac", "ogg", "opus", "aiff", "caf", "au", "w64"), _examine_file),
}
