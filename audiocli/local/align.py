"""When each word of a known text is spoken, found by pocketsphinx, which knows how English words sound."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

RATE = 16_000  # Hz

_SPOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*|[0-9]")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WIDE = {"beam": 1e-100, "wbeam": 1e-100, "pbeam": 1e-100}  # it gives up on nothing, and takes a third longer

# How letters sound, roughly, which is enough to find a word that is not in the dictionary. Long keys first.
# fmt: off - one pair a line would be a page
_SOUNDS = {
    "tion": "SH AH N",
    "sion": "ZH AH N",
    "igh": "AY",
    "ph": "F",
    "sh": "SH",
    "ch": "CH",
    "th": "TH",
    "ck": "K",
    "qu": "K W",
    "ng": "NG",
    "ee": "IY",
    "ea": "IY",
    "oo": "UW",
    "ou": "AW",
    "ow": "OW",
    "oi": "OY",
    "oy": "OY",
    "ai": "EY",
    "ay": "EY",
    "au": "AO",
    "er": "ER",
    "ir": "ER",
    "ur": "ER",
    "ar": "AA R",
    "or": "AO R",
    "a": "AE",
    "b": "B",
    "c": "K",
    "d": "D",
    "e": "EH",
    "f": "F",
    "g": "G",
    "h": "HH",
    "i": "IH",
    "j": "JH",
    "k": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "o": "AA",
    "p": "P",
    "q": "K",
    "r": "R",
    "s": "S",
    "t": "T",
    "u": "AH",
    "v": "V",
    "w": "W",
    "x": "K S",
    "y": "IY",
    "z": "Z",
}
# fmt: on
_LETTERS = re.compile("|".join(_SOUNDS))

Span = tuple[float, float]
"""Where something starts and ends, in seconds."""


class Aligner:
    """Finds words in sound. It remembers nothing of what it has heard before."""

    def __init__(self) -> None:
        self._decoders = [_decoder()]

    def align(self, words: Sequence[str], pcm: bytes) -> list[Span]:
        """Where each of `words` is in `pcm`: `RATE`, one channel, signed 16-bit little-endian.

        Words that cannot be found, those of a hum or in another script, share the time by their length.
        """
        known = [_spoken(word) for word in words]
        for attempt in range(2):
            if attempt == len(self._decoders):
                self._decoders.append(_decoder(**_WIDE))
            spans = _find(self._decoders[attempt], list(itertools.chain(*known)), pcm)
            if spans and all(known):
                return list(_join(known, iter(spans)))
        return _share(words, len(pcm) / 2 / RATE)


def _decoder(**beams: float) -> Any:
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, loglevel="FATAL", lm=None, cmn="batch", **beams)


def _spoken(word: str) -> list[str]:
    """A written word as words that can be looked up: `GPT-4` is `gpt` and `four`."""
    parts = _SPOKEN.findall(word.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return [_DIGITS[int(part)] if part.isdigit() else part for part in parts]


def _find(decoder: Any, words: list[str], pcm: bytes) -> list[Span]:
    """The span of each of `words`, or nothing where they are not all found."""
    if not words:
        return []
    for word in words:
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, " ".join(_SOUNDS[letters] for letters in _LETTERS.findall(word)))
    decoder.reinit_feat()  # the end of one sound would count as what is before the next
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    rate = decoder.config["frate"]
    found = [
        (segment.start_frame / rate, (segment.end_frame + 1) / rate)
        for segment in decoder.seg() or ()
        if segment.word[0] not in "<["  # <s>, <sil>, [NOISE]
    ]
    return found if len(found) == len(words) else []


def _join(known: list[list[str]], spans: Iterator[Span]) -> Iterator[Span]:
    for parts in known:
        own = [next(spans) for _ in parts]
        yield own[0][0], own[-1][1]


def _share(words: Sequence[str], seconds: float) -> list[Span]:
    ends = list(itertools.accumulate((len(word) for word in words), initial=0))
    return [(a / ends[-1] * seconds, b / ends[-1] * seconds) for a, b in itertools.pairwise(ends)]
