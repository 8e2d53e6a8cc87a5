"""From the transcripts of pieces to that of the whole. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from audiocli.chat import Usage
from audiocli.recordings.job import PieceDone
from audiocli.transcript import Segment, Timing, Transcript, Word

OVERLAP_SECONDS = 0.01  # Bounds that come from different decoders differ by less.

NO_SPEECH = "no speech was found in it"

_COARSEST: tuple[Timing, ...] = ("piece", "segment", "word")


def placed(transcript: Transcript, start: float, end: float, dollars: float | None) -> PieceDone:
    """The transcript of the piece from `start` to `end`, whose times count from `start`, in its place.

    No time lies outside the piece: where a model says so, it is wrong.
    """
    return PieceDone(
        start,
        end,
        tuple(_placed(segment, start, end) for segment in transcript.segments),
        transcript.timing,
        transcript.language,
        transcript.usage,
        dollars,
        transcript.notes,
    )


def _placed(segment: Segment, start: float, end: float) -> Segment:
    words = []
    for word in segment.words:
        begins, ends = _within(word, start, end)
        words.append(replace(word, start=begins, end=ends))
    begins, ends = _within(segment, start, end)
    return replace(segment, start=begins, end=ends, words=tuple(words))


def _within(timed: Segment | Word, start: float, end: float) -> tuple[float, float]:
    begins = min(max(start + timed.start, start), end)
    return begins, min(max(start + timed.end, begins), end)


def text_of(piece: PieceDone) -> str:
    return " ".join(segment.text for segment in piece.segments)


def span_of(piece: PieceDone) -> tuple[float, float] | None:
    """When somebody begins to speak in it, and when that ends; `None` where nobody does."""
    if not piece.segments:
        return None
    return min(each.start for each in piece.segments), max(each.end for each in piece.segments)


def join(pieces: Iterable[PieceDone], duration: float, notes: Sequence[str] = ()) -> Transcript:
    """The transcript of a sound of `duration` seconds, of which `pieces` are known, in any order.

    Of pieces that overlap, the one that starts first counts. Its timing is the coarsest of theirs, its
    language that of most of the sound. A model that tells speakers apart does so within a piece: where there
    are several, a speaker is called `2-A`, the second piece's A.
    """
    ordered = list(_apart(pieces))
    spoken = [piece for piece in ordered if piece.segments]
    several = sum(any(segment.speaker for segment in piece.segments) for piece in spoken) > 1
    segments = [
        _named(segment, number) if several else segment
        for number, piece in enumerate(ordered, start=1)
        for segment in sorted(piece.segments, key=lambda segment: segment.start)
    ]
    own = [note for piece in ordered for note in piece.notes]
    return Transcript(
        segments=tuple(segments),
        duration=duration,
        timing=min((piece.timing for piece in spoken), key=_COARSEST.index, default="piece"),
        language=_language(spoken),
        usage=_total([piece.usage for piece in ordered if piece.usage is not None]),
        notes=tuple(dict.fromkeys((*notes, *own, *_found(ordered, spoken, several)))),
    )


def _apart(pieces: Iterable[PieceDone]) -> Iterator[PieceDone]:
    reached = float("-inf")
    for piece in sorted(pieces, key=lambda piece: (piece.start, -piece.end)):
        if piece.start >= reached - OVERLAP_SECONDS:
            reached = piece.end
            yield piece


def _named(segment: Segment, number: int) -> Segment:
    return replace(segment, speaker=f"{number}-{segment.speaker}") if segment.speaker else segment


def _language(spoken: Sequence[PieceDone]) -> str | None:
    seconds: Counter[str] = Counter()
    for piece in spoken:
        if piece.language:
            seconds[piece.language] += int(1000 * (piece.end - piece.start))
    return max(seconds, key=lambda language: seconds[language], default=None)


def _total(usages: Sequence[Usage]) -> Usage | None:
    return sum(usages, Usage()) if usages else None


def _found(ordered: Sequence[PieceDone], spoken: Sequence[PieceDone], several: bool) -> Iterator[str]:
    if not spoken:
        yield NO_SPEECH
    languages = sorted({piece.language for piece in spoken if piece.language})
    if len(languages) > 1:
        yield f"several languages were heard: {', '.join(languages)}"
    if several:
        yield (
            f"it was heard in {len(ordered)} pieces, and speakers are told apart only within each: "
            "1-A and 2-A may be different people, or the same"
        )
