"""The embedded recogniser as a transcriber: no key, no account, no network once its weights are here."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path

from audiocli.catalog.dates import today
from audiocli.errors import CapabilityError
from audiocli.local.listen import MAX_BYTES, Listener, processors
from audiocli.local.weights import Progress
from audiocli.printable import quoted
from audiocli.providers.embedded.chat import require_packages
from audiocli.providers.hosts import LOCAL
from audiocli.providers.suiting import Wanted, name_of, others
from audiocli.transcript import Hearing, Limits, Segment, Transcript, TranscriptionRequest, Word

LANGUAGE = "en"
PIECE_SECONDS = 60.0  # 2 s of work: short enough to be shared among processors, and to be seen to go on

_PAUSE = 0.5  # seconds between two segments
_LONGEST = 15.0  # seconds of a segment that has a comma to end it
_SENTENCE_ENDS = (".", "!", "?")
_CLAUSE_ENDS = (",", ";", ":")


class LocalTranscriber:
    """Writes down English on this machine; see `Transcriber`.

    The model is kept in `cache_dir`, where it is fetched once; `progress` is told how far that is. Its
    processes stay for the next request, and end with this object.
    """

    limits = Limits(
        seconds=PIECE_SECONDS,
        bytes=MAX_BYTES,
        formats=("wav",),
        parallel=processors(),
        prompt=False,
        timing="word",
    )

    def __init__(self, cache_dir: Path, progress: Progress) -> None:
        self._listener = Listener(cache_dir, progress)

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        _check(request)
        recognition = await self._listener.listen(request.audio.source)
        yield Transcript(
            segments=tuple(into_segments(recognition.words)),
            duration=recognition.duration,
            timing="word",
            language=LANGUAGE,
        )


def _check(request: TranscriptionRequest) -> None:
    require_packages()
    if request.language is not None and request.language.lower().partition("-")[0] != LANGUAGE:
        raise CapabilityError(
            f"the embedded recogniser knows English, not {quoted(request.language)}",
            hint=_hosted(Wanted(today=today())),
            param="language",
        )
    if request.speakers:
        raise CapabilityError(
            "the embedded recogniser does not tell speakers apart",
            hint=_hosted(Wanted(speakers=True, today=today())),
            param="speakers",
        )


def _hosted(wanted: Wanted) -> str:
    hosted = [name_of(model) for model in others("transcription", wanted) if model.provider != LOCAL]
    return f"use {' or '.join(hosted)}"


def into_segments(words: Sequence[Word]) -> Iterator[Segment]:
    """Sentences, or what is between two pauses; a long one ends at a comma."""
    first = 0
    for index, word in enumerate(words):
        last = index + 1 == len(words)
        if last or _ends(word, words[index + 1], word.end - words[first].start):
            yield _segment(tuple(words[first : index + 1]))
            first = index + 1


def _ends(word: Word, following: Word, seconds: float) -> bool:
    return (
        word.text.endswith(_SENTENCE_ENDS)
        or following.start - word.end > _PAUSE
        or (seconds > _LONGEST and word.text.endswith(_CLAUSE_ENDS))
    )


def _segment(words: tuple[Word, ...]) -> Segment:
    known = [word.confidence for word in words if word.confidence is not None]
    return Segment(
        text=" ".join(word.text for word in words),
        start=words[0].start,
        end=words[-1].end,
        words=words,
        confidence=round(sum(known) / len(known), 3) if known else None,
    )
