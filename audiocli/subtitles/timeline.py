"""What services say of segments and words becomes one timeline, whatever they leave out or get wrong.

Times that are missing, null, not numbers or beyond the sound are found between their neighbours'. Segments
are put in order of time; words stay in the order in which they came. Punctuation that is in a segment's text
and not in its words is given to the words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import exp, isfinite
from typing import Any

from audiocli.printable import one_line
from audiocli.subtitles.prose import SENTENCE_END, whole_characters
from audiocli.transcript import Segment, Timing, Word

_PAUSE_SECONDS = 1.0
_SEGMENT_CHARACTERS = 300
_SEARCHED_CHARACTERS = 200  # how much of a text is passed over to find the next word in it
_NO_SPEECH = 0.6  # Whisper's own thresholds for a segment that it has made up
_FAILED_LOGPROB = -1.0


@dataclass(frozen=True)
class _Part:
    """A segment or a word as a service tells it."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    confidence: float | None = None
    words: tuple["_Part", ...] = ()


def timeline(text: str, segments: Any, words: Any, duration: float) -> tuple[tuple[Segment, ...], Timing]:
    """What is known of a sound of `duration` seconds, and what its times are good for.

    `text` is all of it; `segments` and `words` are the members of a service's JSON, of any type. What comes
    of it keeps to this: `0 <= start <= end <= duration`; segments are in order of their starts, and one
    speaker's do not overlap; words are in order, within their segment.
    """
    parts, spoken = _parts(segments), _parts(words)
    if not spoken and _is_words(parts):
        parts, spoken = [], parts
    if not parts and spoken:
        return _from_words(text, spoken, duration), "word"
    if not parts:
        said = text and not any(map(_is_made_up, _documents(segments)))
        return ((Segment(text, 0.0, duration),) if said else ()), "piece"
    owned = [part.words for part in parts] if any(part.words for part in parts) else _owned(parts, spoken)
    placed = [replace(part, words=own) for part, own in zip(parts, owned, strict=True)]
    timed = any(part.start is not None or part.end is not None for part in parts)
    built = _in_order(_segment(part, duration) for part in _timed(placed, duration))
    if all(segment.words for segment in built):
        return built, "word"
    return built, "segment" if timed else "piece"


# Reading


def _parts(value: Any) -> list[_Part]:
    parts = (_part(document) for document in _documents(value) if not _is_made_up(document))
    return [part for part in parts if part.text]


def _documents(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _part(document: dict[str, Any]) -> _Part:
    return _Part(
        text=clean(document.get("text") or document.get("word")),
        start=time(document.get("start")),
        end=time(document.get("end")),
        speaker=_speaker(document),
        confidence=_confidence(document),
        words=tuple(_parts(document.get("words"))),
    )


def clean(value: Any) -> str:
    """A text of whole characters, without the spaces around it; nothing for what is no text."""
    return whole_characters(value).strip() if isinstance(value, str) else ""


def time(value: Any) -> float | None:
    """A number of seconds; some services send it as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _speaker(document: dict[str, Any]) -> str | None:
    for name in ("speaker", "speaker_id"):
        value = document.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return one_line(str(value)[:400], 40) or None
    return None


def _confidence(document: dict[str, Any]) -> float | None:
    for name in ("confidence", "probability", "score"):
        if (value := time(document.get(name))) is not None:
            return min(max(value, 0.0), 1.0)
    for name in ("avg_logprob", "logprob"):
        # 0 is what servers send that do not know.
        if value := time(document.get(name)):
            return round(exp(min(value, 0.0)), 4)
    return None


def _is_made_up(document: dict[str, Any]) -> bool:
    silence, logprob = time(document.get("no_speech_prob")), time(document.get("avg_logprob"))
    return (silence or 0) > _NO_SPEECH and (logprob or 0) < _FAILED_LOGPROB


def _is_words(parts: Sequence[_Part]) -> bool:
    """Whether `parts` are words, not sentences of one word; Mistral lists words as segments."""
    single = all(part.text.isascii() and " " not in part.text for part in parts)
    return single and any(not SENTENCE_END.search(part.text) for part in parts[:-1])


# Times


def _timed(parts: Iterable[_Part], duration: float) -> list[_Part]:
    """`parts` by the order of their starts, each with times; those without a start stay where they are."""
    groups: list[list[_Part]] = []
    for part in parts:
        part = _within(part, duration)
        if part.start is not None or not groups:
            groups.append([part])
        else:
            groups[-1].append(part)
    if not groups:
        return []
    groups.sort(key=_begin)
    ends = [*(_begin(group) for group in groups[1:]), duration]
    return [part for group, end in zip(groups, ends, strict=True) for part in _spread(group, end)]


def _begin(group: Sequence[_Part]) -> float:
    return group[0].start or 0.0


def _within(part: _Part, duration: float) -> _Part:
    start = None if part.start is None or part.start > duration else max(part.start, 0.0)
    end = None if part.end is None else min(max(part.end, start or 0.0), duration)
    return replace(part, start=start, end=end)


def _spread(group: Sequence[_Part], limit: float) -> Iterator[_Part]:
    """Only the first part's start is known: the others follow it, each for as long as its text is."""
    first, last = group[0], group[-1]
    begin = _begin(group)
    end = limit if last.end is None else last.end if first is last else min(last.end, limit)
    if first.end is not None:
        known = first.end if first is last else min(first.end, limit)
        yield replace(first, start=begin, end=known)
        begin, group = known, group[1:]
    total, passed = sum(len(part.text) for part in group), 0
    end = max(begin, end)
    start = begin
    for part in group:
        passed += len(part.text)
        stop = min(begin + (end - begin) * passed / total, end)
        yield replace(part, start=start, end=stop)
        start = stop


def _timed_words(words: Iterable[_Part], duration: float) -> list[_Part]:
    """Words keep their order: a start before the last one's is none."""
    latest, heard = 0.0, list[_Part]()
    for word in words:
        word = _within(word, duration)
        if word.start is not None and word.start < latest:
            word = replace(word, start=None)
        latest = latest if word.start is None else word.start
        heard.append(word)
    return _timed(heard, duration)


def _in_order(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments by their starts; a speaker's ends where the same speaker's next begins, if not before."""
    limits, ordered = dict[str | None, float](), list[Segment]()
    for segment in sorted(segments, key=lambda segment: segment.start, reverse=True):
        ordered.append(_fitted(segment, min(segment.end, limits.get(segment.speaker, segment.end))))
        limits[segment.speaker] = segment.start
    return tuple(reversed(ordered))


def _fitted(segment: Segment, end: float) -> Segment:
    words = tuple(replace(word, start=min(word.start, end), end=min(word.end, end)) for word in segment.words)
    return replace(segment, end=end, words=words)


# Words in their segments


def _owned(parts: Sequence[_Part], words: Sequence[_Part]) -> list[tuple[_Part, ...]]:
    """The words of each segment: by the text, or where it does not hold them all, by the time."""
    text = " ".join(part.text for part in parts)
    places = _places(text, words)
    owners = _by_text(parts, places) if places else _by_time(parts, words)
    owned: list[list[_Part]] = [[] for _ in parts]
    for owner, word in zip(owners, words, strict=True):
        owned[owner].append(word)
    return [tuple(own) for own in owned]


def _by_text(parts: Sequence[_Part], places: Sequence[int]) -> Iterator[int]:
    owner, end = 0, len(parts[0].text)
    for place in places:
        while place >= end:
            owner += 1
            end += 1 + len(parts[owner].text)
        yield owner


def _by_time(parts: Sequence[_Part], words: Sequence[_Part]) -> Iterator[int]:
    """Each word to the last segment, from its neighbour's on, that has begun by its middle."""
    owner = 0
    for word in words:
        start = word.start or 0.0
        middle = (start + (start if word.end is None else word.end)) / 2
        while owner + 1 < len(parts) and (parts[owner + 1].start or 0.0) <= middle:
            owner += 1
        yield owner


def _places(text: str, words: Iterable[_Part]) -> list[int]:
    """Where in `text` each word begins; nothing where one is not to be found after the one before it."""
    places, offset = list[int](), 0
    for word in words:
        place = text.find(word.text, offset, offset + _SEARCHED_CHARACTERS + len(word.text))
        if place < 0:
            return []
        places.append(place)
        offset = place + len(word.text)
    return places


def _punctuated(text: str, words: Sequence[_Part]) -> list[_Part]:
    """`words` with all that stands between them in `text`: before a space it goes to the word on its left."""
    places = _places(text, words)
    if not places:
        return list(words)
    cuts = [0]
    for (place, following), word in zip(pairwise(places), words, strict=False):
        end = place + len(word.text)
        space = re.search(r"\s", text[end:following])
        cuts.append(end + space.start() if space else following)
    return [
        replace(word, text=text[start:end].strip())
        for word, start, end in zip(words, cuts, [*cuts[1:], len(text)], strict=True)
    ]


# Building


def _segment(part: _Part, duration: float) -> Segment:
    words = _timed_words(_punctuated(part.text, part.words), duration)
    speaker = part.speaker or next((word.speaker for word in words if word.speaker), None)
    start, end = part.start or 0.0, part.end or 0.0
    if words:
        start, end = min(start, words[0].start or 0.0), max(end, words[-1].end or 0.0)
    heard = tuple(_word(word) for word in words)
    return Segment(part.text, start, end, _clipped(heard, end), speaker, part.confidence)


def _word(part: _Part) -> Word:
    return Word(part.text, part.start or 0.0, part.end or 0.0, part.confidence)


def _clipped(words: Sequence[Word], end: float) -> tuple[Word, ...]:
    """Words of which none lasts into the next."""
    limits = [*(word.start for word in words[1:]), end]
    return tuple(replace(word, end=min(word.end, limit)) for word, limit in zip(words, limits, strict=False))


def _from_words(text: str, words: Sequence[_Part], duration: float) -> tuple[Segment, ...]:
    """Segments for words that come without: at another speaker, a pause, a sentence's end."""
    timed = _timed_words(_punctuated(text, words), duration)
    numbers = [0]
    length = 0
    for word, following in pairwise(timed):
        length += len(word.text)
        ends = _ends_segment(word, following) or length > _SEGMENT_CHARACTERS
        numbers.append(numbers[-1] + ends)
        length = 0 if ends else length
    groups = groupby(zip(numbers, timed, strict=True), key=lambda pair: pair[0])
    # Chinese and Japanese have no spaces between words.
    space = "" if text and 2 * len(text.split()) <= len(words) else " "
    return _in_order(_of_words([word for _, word in group], space, duration) for _, group in groups)


def _ends_segment(word: _Part, following: _Part) -> bool:
    pause = (following.start or 0.0) - (word.end or 0.0)
    return (
        following.speaker != word.speaker
        or pause >= _PAUSE_SECONDS
        or SENTENCE_END.search(word.text) is not None
    )


def _of_words(words: Sequence[_Part], space: str, duration: float) -> Segment:
    text = space.join(word.text for word in words)
    return _segment(
        _Part(text, words[0].start, words[-1].end, words[0].speaker, words=tuple(words)), duration
    )
