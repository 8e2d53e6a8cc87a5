"""A transcript cut into what fits on a screen, at the places where a reader takes a breath.

The limits are those of broadcasters' style guides: 42 columns, two lines, seven seconds. A wide character
(Chinese, Japanese, Korean, emoji) takes two columns. No line ends within a grapheme.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import isfinite

from audiocli.subtitles.prose import (
    CLAUSE_END,
    SENTENCE_END,
    are_one,
    columns,
    columns_of,
    plain,
    units,
)
from audiocli.subtitles.prose import words as words_of
from audiocli.transcript import Segment, Transcript, Word

MIN_SECONDS = 0.8
"""How long a cue stays, if the next one leaves it room. No cut makes one shorter that can be avoided."""

_SLOWEST_COLUMNS_PER_SECOND = 5
"""Speech is hardly slower; what is left of a segment's time is silence."""
_SPOKEN_SECONDS = 7.0  # of a segment, however few its columns are

_LATEST_SECONDS = 1e8  # Three years; times beyond are a service's nonsense.
_SPEAKER_COLUMNS = 16
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class CueLimits:
    """The most columns of a line, lines of a cue, and seconds that a cue is shown."""

    columns: int = 42
    lines: int = 2
    seconds: float = 7.0


BROADCAST = CueLimits()


@dataclass(frozen=True)
class Cue:
    """What is shown from `start` to `end` (seconds, in whole milliseconds), in lines."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None


def cues(transcript: Transcript, *, words: bool = False, limits: CueLimits = BROADCAST) -> list[Cue]:
    """The transcript's cues, in order; none overlaps the next, and each ends after it starts.

    With `words` each word is a cue. `lines` do not hold the speaker's name, but leave room for `A: ` in front
    of the first line wherever another speaker begins.
    """
    return _timed(_all_cut(_utterances(transcript.segments, words, limits), limits), limits.seconds)


def _all_cut(utterances: Iterable[Segment], limits: CueLimits) -> Iterator[Cue]:
    """A speaker is new where the last that was shown is another: some utterances have nothing to show."""
    before = None
    for utterance in utterances:
        for cue in _cut(utterance, limits, new_speaker=utterance.speaker != before):
            before = utterance.speaker
            yield cue


def _utterances(segments: Iterable[Segment], words: bool, limits: CueLimits) -> Iterator[Segment]:
    """What no cue reaches beyond: segments, or words. Their text and their speakers' names are clean."""
    named = min(_SPEAKER_COLUMNS, max(limits.columns // 2 - len(": "), 1))
    for segment in segments:
        parts = [replace(word, text=text) for word in segment.words if (text := plain(word.text))]
        speaker = columns_of(plain(segment.speaker or ""), named) or None
        clean = replace(segment, text=plain(segment.text), words=tuple(parts), speaker=speaker)
        if not words:
            yield clean
        elif parts:
            yield from (Segment(word.text, word.start, word.end, speaker=speaker) for word in _whole(parts))
        else:
            yield from _words_of(clean)


def _whole(words: Iterable[Word]) -> list[Word]:
    """`words`, none of which begins within a grapheme: some models tell of tokens."""
    whole: list[Word] = []
    for word in words:
        if whole and are_one(whole[-1].text, word.text):
            whole[-1] = replace(whole[-1], text=whole[-1].text + word.text, end=max(whole[-1].end, word.end))
        else:
            whole.append(word)
    return whole


def _words_of(segment: Segment) -> Iterator[Segment]:
    """Its words, which share its time as they share its letters."""
    clock = _Clock(segment)
    for offset, word in words_of(segment.text):
        start, end = clock.at(offset), clock.at(offset + len(word), end=True)
        yield Segment(word, start, end, speaker=segment.speaker)


# Times


class _Clock:
    """Tells when a character of a segment's text is said: by its words, or as if said at an even pace."""

    def __init__(self, segment: Segment) -> None:
        start, end = seconds(segment.start), seconds(segment.end)
        spoken = max(_SPOKEN_SECONDS, columns(segment.text) / _SLOWEST_COLUMNS_PER_SECOND)
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


def _timed(cues: Iterable[Cue], longest: float) -> list[Cue]:
    """The cues with times in order that last for as long as there is room, `longest` seconds at most."""
    wanted = list(cues)
    starts = [round(cue.start * 1000) for cue in wanted]
    for index in range(1, len(starts)):
        starts[index] = max(starts[index], starts[index - 1] + 1)
    nexts = [*starts[1:], None]
    return [
        replace(cue, start=start / 1000, end=_end(cue, start, following, longest) / 1000)
        for cue, start, following in zip(wanted, starts, nexts, strict=False)
    ]


def _end(cue: Cue, start: int, following: int | None, longest: float) -> int:
    """When the cue goes, in milliseconds."""
    end = max(round(cue.end * 1000), start + round(MIN_SECONDS * 1000))
    end = min(end, start + max(int(longest * 1000 + 1e-6), 1))
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


def _cut(utterance: Segment, limits: CueLimits, *, new_speaker: bool) -> Iterator[Cue]:
    label = columns(f"{utterance.speaker}: ") if utterance.speaker and new_speaker else 0
    tokens = _tokens(utterance, label, limits.columns)
    for first, last in pairwise(_breaks(tokens, limits)):
        shown = tokens[first:last]
        yield Cue(shown[0].start, shown[-1].end, _lines(shown, limits.columns), utterance.speaker)


def _tokens(utterance: Segment, label: int, line: int) -> list[_Token]:
    """The parts of an utterance, none wider than a `line`; `label` columns stay free before the first."""
    clock, tokens = _Clock(utterance), list[_Token]()
    for start, word in words_of(utterance.text):
        offset = start
        for unit in units(word, line - (0 if tokens else label)):
            end = offset + len(unit)
            width = columns(unit) + (0 if tokens else label)
            space = offset == start
            tokens.append(_Token(unit, clock.at(offset), clock.at(end, end=True), space, width))
            offset = end
    return tokens


class _Widths:
    """How far lines of so many columns reach from each token on."""

    def __init__(self, tokens: Sequence[_Token], line: int) -> None:
        self._line = line
        self._spaces = [token.space for token in tokens]
        self.sums = [0, *accumulate(token.columns + token.space for token in tokens)]

    def between(self, first: int, last: int) -> int:
        return self.sums[last] - self.sums[first] - (self._spaces[first] if first < last else 0)

    def reach(self) -> list[int]:
        """For each token, the end of the longest line that begins with it; one more for the end itself."""
        reached, count = list[int](), len(self._spaces)
        last = 0
        for first in range(count):
            last = max(last, first + 1)
            while last < count and self.between(first, last + 1) <= self._line:
                last += 1
            reached.append(last)
        return [*reached, count]


def _breaks(tokens: Sequence[_Token], limits: CueLimits) -> list[int]:
    """Where cues begin and end: of all ways to cut that keep the limits, the one that reads best."""
    if not tokens:
        return []
    widths = _Widths(tokens, limits.columns)
    reach = _reach_of_lines(widths.reach(), limits.lines)
    costs = [_cost_after(token, following) for token, following in pairwise(tokens)] + [0.0]
    pauses = [0, *accumulate(_is_pause(token, following) for token, following in pairwise(tokens))]
    starts, sums, room = [token.start for token in tokens], widths.sums, limits.columns * limits.lines
    shortest = min(MIN_SECONDS + 0.001, limits.seconds / 2)  # A rounded start may be half of that off.
    best, before = [0.0], [0]
    for last in range(1, len(tokens) + 1):
        ends = tokens[last - 1].end
        # Before this a cue has time to be read; the last of an utterance may stay longer.
        latest = starts[last] - shortest if last < len(tokens) else ends
        cost, place = float("inf"), last - 1
        for first in range(last - 1, -1, -1):
            if first < last - 1 and (ends - starts[first] > limits.seconds or last > reach[first]):
                break
            found = (
                best[first]
                + (pauses[last - 1] - pauses[first]) * _PAUSE_INSIDE
                + ((sums[last] - sums[first]) / room) ** 2
                + (_TOO_SHORT if starts[first] > latest else 0.0)
            )
            if found <= cost:
                cost, place = found, first
        best.append(cost + _CUE + costs[last - 1])
        before.append(place)
    return _followed(before)


def _reach_of_lines(reach: Sequence[int], lines: int) -> list[int]:
    """For each token, the end of the longest cue of so many `lines` that begins with it."""
    reached = list(range(len(reach)))
    for _ in range(lines):
        following = [reach[end] for end in reached]
        if following == reached:
            break
        reached = following
    return reached


def _followed(before: Sequence[int]) -> list[int]:
    places = [len(before) - 1]
    while places[-1] > 0:
        places.append(before[places[-1]])
    return places[::-1]


# What a cut costs, compared with one more cue. A full one costs 1, which decides between cuts that are alike.
_CUE = 10.0
_PAUSE_INSIDE = 15.0
_AFTER_CLAUSE = 4.0
_AFTER_WORD = 25.0
_INSIDE_WORD = 40.0
_TOO_SHORT = 100.0


def _cost_after(token: _Token, following: _Token) -> float:
    if SENTENCE_END.search(token.text) or _is_pause(token, following):
        return 0.0
    if CLAUSE_END.search(token.text):
        return _AFTER_CLAUSE
    return _AFTER_WORD if following.space else _INSIDE_WORD


def _is_pause(token: _Token, following: _Token) -> bool:
    return following.start - token.end >= _PAUSE_SECONDS


def _lines(tokens: Sequence[_Token], line: int) -> tuple[str, ...]:
    """As few lines as hold it all, about as long as each other."""
    widths = _Widths(tokens, line)
    reach = widths.reach()
    count = 1
    while _reach_of_lines(reach, count)[0] < len(tokens):
        count += 1
    places = _places(tokens, widths, reach, count)
    return tuple(_text(tokens[first:last]) for first, last in pairwise(places))


def _places(tokens: Sequence[_Token], widths: _Widths, reach: Sequence[int], count: int) -> list[int]:
    """Where `count` lines begin and end."""
    total = len(tokens)
    if count == 1:
        return [0, total]
    even = widths.between(0, total) / count
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]  # by the end of so many lines: cost, and begin
    for number in range(1, count + 1):
        ends: dict[int, tuple[float, int]] = {}
        for first, (cost, _) in best[-1].items():
            for last in range(first + 1, reach[first] + 1):
                if (last == total) != (number == count):
                    continue
                after = 0.0 if last == total else _cost_after(tokens[last - 1], tokens[last])
                whole = cost + abs(widths.between(first, last) - even) + after
                ends[last] = min(ends.get(last, (whole, first)), (whole, first))
        best.append(ends)
    places = [total]
    for ends in reversed(best[1:]):
        places.append(ends[places[-1]][1])
    return places[::-1]


def _text(tokens: Sequence[_Token]) -> str:
    return "".join(
        f" {token.text}" if token.space and place else token.text for place, token in enumerate(tokens)
    )
