"""What a text tells of itself: how wide it is, where it may be broken, where a sentence ends. In all scripts.

A wide character (Chinese, Japanese, Korean, emoji) takes two columns.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from unicodedata import east_asian_width

SENTENCE_END = re.compile("[.!?…。！？؟।][\"'”’»)）」』]*$")
CLAUSE_END = re.compile("[,;:–—、，；：،][\"'”’»)）」』]*$")

_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def whole_characters(text: str) -> str:
    """`text` without halves of characters, which JSON may hold and no file can."""
    return _SURROGATE.sub("\ufffd", text)


def plain(text: str) -> str:
    """`text` on one line: whole characters, none of them a control, nothing that reorders them."""
    return _SPACE.sub(" ", _BIDI.sub("", whole_characters(text))).strip()


def columns(text: str) -> int:
    """The columns that `text` takes; none takes less than one."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def columns_of(text: str, limit: int) -> str:
    """As much of `text` as `limit` columns take."""
    return text if columns(text) <= limit else text[: _fitting(text, limit)].rstrip()


_OPENING = "「『（【《〈〔［｛“‘"
_CLOSING = "、。，．・：；？！）」』】》〉〕］｝”’…ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々"
# Hangul is wide too, but has spaces between words.
_IDEOGRAPHS = (
    "\u2e80-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003ffff"
)
_UNIT = re.compile(f"[{_OPENING}]*(?:[^{_IDEOGRAPHS}{_OPENING}{_CLOSING}]+|[{_IDEOGRAPHS}])?[{_CLOSING}]*")


_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")


def space_between(first: str, second: str) -> str:
    """What parts two sentences: in Chinese and Japanese nothing."""
    return "" if _IDEOGRAPH.match(first[-1:]) and _IDEOGRAPH.match(second) else " "


def units(word: str, limit: int) -> Iterator[str]:
    """The parts of a word that a line may be broken between, each of at most `limit` columns."""
    for match in _UNIT.finditer(word):
        unit = match[0]
        while (cut := _fitting(unit, limit)) < len(unit):
            yield unit[:cut]
            unit = unit[cut:]
        if unit:
            yield unit


def _fitting(text: str, limit: int) -> int:
    """How many characters fit into `limit` columns."""
    return bisect_right(list(accumulate(map(columns, text[: limit + 1]))), limit)
