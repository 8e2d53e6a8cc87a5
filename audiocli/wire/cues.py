"""A transcript cut into what fits on a screen, at the places where a reader takes a breath.

The limits are those of broadcasters' style guides: 42 columns, two lines, seven seconds. A wide character
(Chinese, Japanese, Korean, emoji) takes two columns.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import isfinite

from audiocli.transcript import Segment, Transcript
from audiocli.wire.prose import CLAUSE_END, SENTENCE_END, columns, columns_of, plain, units

LINE_COLUMNS = 42
MAX_SECONDS = 7.0
MIN_SECONDS = 0.7
"""How long a cue stays, where the next one leaves it room."""

_SLOWEST_COLUMNS_PER_SECOND = 5
"""Speech is hardly slower; what is left of a segment's time is silence."""

_LATEST_SECONDS = 1e8  # Three years; times beyond are a service's nonsense.
_SPEAKER_COLUMNS = 16
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Cue:
    """What is shown from `start` to `end` (seconds, in whole milliseconds): one or two lines."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None


def cues(transcript: Transcript, *, words: bool = False) -> list[Cue]:
    """The transcript's cues, in order; none overlaps the next, and each ends after it starts.

    With `words` each word is a cue. `lines` do not hold the speaker's name, but leave room for `A: ` in front
    of the first line wherever another speaker begins.
    """
    utterances = list(_utterances(transcript.segments, words))
    speakers = [None, *(utterance.speaker for utterance in utterances)]
    return _timed(
        cue
        for utterance, before in zip(utterances, speakers, strict=False)
        for cue in _cut(utterance, new_speaker=utterance.speaker != before)
    )


def _utterances(segments: Iterable[Segment], words: bool) -> Iterator[Segment]:
    """What no cue reaches beyond: segments, or words. Their text and their speakers' names are clean."""
    for segment in segments:
        parts = [replace(word, text=text) for word in segment.words if (text := plain(word.text))]
        speaker = columns_of(plain(segment.speaker or ""), _SPEAKER_COLUMNS) or None
        clean = replace(segment, text=plain(segment.text), words=tuple(parts), speaker=speaker)
        if not words:
            yield clean
        elif parts:
            yield from (Segment(word.text, word.start, word.end, speaker=speaker) for word in parts)
        else:
            yield from _words_of(clean)


def _words_of(segment: Segment) -> Iterator[Segment]:
    """Its words, which share its time as they share its letters."""
    clock = _Clock(segment)
    for match in re.finditer(r"\S+", segment.text):
        yield Segment(
            match[0], clock.at(match.start()), clock.at(match.end(), end=True), speaker=segment.speaker
        )


# Times


class _Clock:
    """Tells when a character of a segment's text is said: by its words, or as if said at an even pace."""

    def __init__(self, segment: Segment) -> None:
        start, end = seconds(segment.start), seconds(segment.end)
        spoken = max(MAX_SECONDS, columns(segment.text) / _SLOWEST_COLUMNS_PER_SECOND)
        whole = (0, len(segment.text), start, max(start, min(end, start + spoken)))
        self._text = segment.text
        self._spans = _word_spans(segment) or [whole]
        self._offsets = [span[0] for span in self._spans]

    def at(self, offset: int, *, end: bool = False) -> float:
        """When the character at `offset` begins; with `end`, when the one before it ends."""
        if end and len(self._spans) == 1 and self._text.startswith(" ", offset):
            offset += 1  # At an even pace nobody pauses between words.
        index = bisect_right(self._offsets, offset - 1 if end else offset) - 1
        first, last, start, stop = self._spans[max(index, 0)]
        share = (offset - first) / max(last - first, 1)
        return start + min(max(share, 0.0), 1.0) * (stop - start)


def _word_spans(segment: Segment) -> list[tuple[int, int, float, float]]:
    """Where in the text each word is, and when it is said; nothing where text and words do not agree."""
    spans, offset = [], 0
    for word in segment.words:
        while segment.text[offset : offset + 1] == " ":
            offset += 1
        if not segment.text.startswith(word.text, offset):
            return []
        end = offset + len(word.text)
        start = seconds(word.start)
        spans.append((offset, end, start, max(start, seconds(word.end))))
        offset = end
    return [] if segment.text[offset:].strip() else spans


def seconds(value: float) -> float:
    """A time that can be written down, whatever a service has made of it."""
    return min(max(value, 0.0), _LATEST_SECONDS) if isfinite(value) else 0.0


def _timed(cues: Iterable[Cue]) -> list[Cue]:
    """The cues with times in order that last for as long as there is room."""
    wanted = list(cues)
    starts = [round(cue.start * 1000) for cue in wanted]
    for index in range(1, len(starts)):
        starts[index] = max(starts[index], starts[index - 1] + 1)
    nexts = [*starts[1:], None]
    return [
        replace(cue, start=start / 1000, end=_end(cue, start, following) / 1000)
        for cue, start, following in zip(wanted, starts, nexts, strict=False)
    ]


def _end(cue: Cue, start: int, following: int | None) -> int:
    """When the cue goes, in milliseconds."""
    end = max(round(cue.end * 1000), start + round(MIN_SECONDS * 1000))
    end = min(end, start + round(MAX_SECONDS * 1000))
    return end if following is None else min(end, following)


# Cutting


@dataclass(frozen=True)
class _Token:
    """What is not broken further. `space` says that one stands before it."""

    text: str
    start: float
    end: float
    space: bool
    columns: int


def _cut(utterance: Segment, *, new_speaker: bool) -> Iterator[Cue]:
    label = columns(f"{utterance.speaker}: ") if utterance.speaker and new_speaker else 0
    tokens = _tokens(utterance, label)
    for first, last in pairwise(_breaks(tokens)):
        shown = tokens[first:last]
        yield Cue(shown[0].start, shown[-1].end, _lines(shown), utterance.speaker)


def _tokens(utterance: Segment, label: int) -> list[_Token]:
    """The parts of an utterance; the first leaves `label` columns free before it."""
    clock, tokens = _Clock(utterance), list[_Token]()
    for match in re.finditer(r"\S+", utterance.text):
        offset = match.start()
        for unit in units(match[0], LINE_COLUMNS - (0 if tokens else label)):
            end = offset + len(unit)
            width = columns(unit) + (0 if tokens else label)
            space = offset == match.start()
            tokens.append(_Token(unit, clock.at(offset), clock.at(end, end=True), space, width))
            offset = end
    return tokens


class _Widths:
    """How far lines reach from each token on."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._spaces = [token.space for token in tokens]
        self._sums = [0, *accumulate(token.columns + token.space for token in tokens)]

    def between(self, first: int, last: int) -> int:
        return self._sums[last] - self._sums[first] - (self._spaces[first] if first < last else 0)

    def reach(self) -> list[int]:
        """For each token, the end of the longest line that begins with it; one more for the end itself."""
        reached, count = list[int](), len(self._spaces)
        last = 0
        for first in range(count):
            last = max(last, first + 1)
            while last < count and self.between(first, last + 1) <= LINE_COLUMNS:
                last += 1
            reached.append(last)
        return [*reached, count]


def _breaks(tokens: Sequence[_Token]) -> list[int]:
    """Where cues begin and end: of all ways to cut that keep the limits, the one that reads best."""
    if not tokens:
        return []
    reach = _Widths(tokens).reach()
    costs = [_cost_after(token, following) for token, following in pairwise(tokens)] + [0.0]
    pauses = [0, *accumulate(_is_pause(token, following) for token, following in pairwise(tokens))]
    best, before = [0.0], [0]
    for last in range(1, len(tokens) + 1):
        choices = list[tuple[float, int]]()
        for first in range(last - 1, -1, -1):
            too_long = tokens[last - 1].end - tokens[first].start > MAX_SECONDS
            if choices and (too_long or last > reach[reach[first]]):
                break
            inside = pauses[last - 1] - pauses[first]
            choices.append((best[first] + _CUE + costs[last - 1] + inside * _PAUSE_INSIDE, first))
        cost, first = min(choices)
        best.append(cost)
        before.append(first)
    return _followed(before)


def _followed(before: Sequence[int]) -> list[int]:
    places = [len(before) - 1]
    while places[-1] > 0:
        places.append(before[places[-1]])
    return places[::-1]


# What a cut costs, compared with one more cue.
_CUE = 10.0
_PAUSE_INSIDE = 15.0
_AFTER_CLAUSE = 4.0
_AFTER_WORD = 25.0
_INSIDE_WORD = 40.0


def _cost_after(token: _Token, following: _Token) -> float:
    if SENTENCE_END.search(token.text) or _is_pause(token, following):
        return 0.0
    if CLAUSE_END.search(token.text):
        return _AFTER_CLAUSE
    return _AFTER_WORD if following.space else _INSIDE_WORD


def _is_pause(token: _Token, following: _Token) -> bool:
    return following.start - token.end >= _PAUSE_SECONDS


def _lines(tokens: Sequence[_Token]) -> tuple[str, ...]:
    """One line, where all fits; else two, about as long as each other."""
    widths = _Widths(tokens)
    count = len(tokens)
    if widths.between(0, count) <= LINE_COLUMNS:
        return (_text(tokens),)
    places = [
        place
        for place in range(1, count)
        if max(widths.between(0, place), widths.between(place, count)) <= LINE_COLUMNS
    ]
    place = min(places, key=lambda place: _imbalance(widths, tokens, place))
    return _text(tokens[:place]), _text(tokens[place:])


def _imbalance(widths: _Widths, tokens: Sequence[_Token], place: int) -> float:
    difference = abs(widths.between(0, place) - widths.between(place, len(tokens)))
    return difference + _cost_after(tokens[place - 1], tokens[place])


def _text(tokens: Sequence[_Token]) -> str:
    return "".join(
        f" {token.text}" if token.space and place else token.text for place, token in enumerate(tokens)
    )
