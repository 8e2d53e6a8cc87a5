"""What a text tells of itself: how wide it is, where it may be broken, where a sentence ends. In all scripts.

A wide character (Chinese, Japanese, Korean, emoji) takes two columns.
"""

import re
from collections.abc import Iterator, Sequence
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
    return text if columns(text) <= limit else next(_parted(text, limit), "").rstrip()


# Characters as readers see them


def graphemes(text: str) -> Sequence[str]:
    """`text` in the parts that a reader takes for one character each, of one or more code points.

    They are those of Unicode's Annex 29. In Thai and Lao a vowel written before or after its consonant
    stays with it: a line begins with neither half.
    """
    if _is_simple(text):
        return text
    import regex  # 30 ms, for texts whose characters may have several code points.

    found = regex.findall(_GRAPHEME, text)
    if all(len(each) <= _LONGEST for each in found):
        return found
    return [each[start : start + _LONGEST] for each in found for start in range(0, len(each), _LONGEST)]


# A vowel that is written first, any grapheme, and those after it that begin with what ends a syllable.
_ENDING = "\u0e2f\u0e30\u0e32\u0e45\u0e46\u0eaf\u0eb0\u0eb2\u0ebd\u0ec6"
_GRAPHEME = rf"[\u0e40-\u0e44\u0ec0-\u0ec4]?\X(?:(?=[{_ENDING}])\X){{0,2}}"
_LONGEST = 21  # code points, which any line holds; nobody writes a longer one
_SIMPLE = re.compile(
    "[\x00-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e"
    "\u3000-\u3029\u3041-\u3096\u30a1-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]*"
)


def _is_simple(text: str) -> bool:
    """Whether each of its code points is known to be a grapheme, as in most texts."""
    return text.isascii() or _SIMPLE.fullmatch(text) is not None


def are_one(first: str, second: str) -> bool:
    """Whether the end of `first` and the beginning of `second` are one grapheme."""
    if not first or not second or second[0].isascii():
        return False
    both = graphemes(first[-_LONGEST:] + second[:1])
    return len(both[-1]) > 1


def words(text: str) -> Iterator[tuple[int, str]]:
    """What is between the spaces of `text`, and where it begins. A space with a mark on it is none."""
    if _is_simple(text):
        yield from ((match.start(), match[0]) for match in re.finditer(r"\S+", text))
        return
    offset, word = 0, list[str]()
    for grapheme in graphemes(text):
        if grapheme.isspace():
            if word:
                yield offset - sum(map(len, word)), "".join(word)
            word.clear()
        else:
            word.append(grapheme)
        offset += len(grapheme)
    if word:
        yield offset - sum(map(len, word)), "".join(word)


_OPENING = "「『（【《〈〔［｛“‘"
_CLOSING = "、。，．・：；？！）」』】》〉〕］｝”’…ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々"
# Hangul is wide too, but has spaces between words.
_IDEOGRAPHS = (
    "\u2e80-\u312f\u3190-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003ffff"
)
# Thai, Lao, Burmese and Khmer have no spaces between words, and no sign of where these end.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"
_UNIT = re.compile("o*(?:x+|i)?c*")  # over the kinds of graphemes


_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")


def space_between(first: str, second: str) -> str:
    """What parts two sentences: in Chinese and Japanese nothing."""
    return "" if _IDEOGRAPH.match(first[-1:]) and _IDEOGRAPH.match(second) else " "


def units(word: str, limit: int) -> Iterator[str]:
    """The parts of a word that a line may be broken between, each of at most `limit` columns.

    A grapheme that is wider is a part by itself.
    """
    if word.isascii():
        yield from _parted(word, limit)
        return
    parts = graphemes(word)
    kinds = "".join(map(_kind, parts))
    for match in _UNIT.finditer(kinds):
        yield from _parted("".join(parts[match.start() : match.end()]), limit)


def _kind(grapheme: str) -> str:
    """`o`pens, `c`loses, may be parted from its neighbours, as an `i`deograph, or `x`: may not."""
    first = grapheme[0]
    if first in _OPENING:
        return "o"
    if first in _CLOSING:
        return "c"
    return "i" if _PARTED.match(first) else "x"


_PARTED = re.compile(f"[{_IDEOGRAPHS}{_UNSPACED}]")


def _parted(text: str, limit: int) -> Iterator[str]:
    """`text` in parts of whole graphemes, each as many as `limit` columns take, and one at least."""
    if columns(text) <= limit:
        if text:
            yield text
        return
    part, taken = list[str](), 0
    for grapheme in graphemes(text):
        width = columns(grapheme)
        if part and taken + width > limit:
            yield "".join(part)
            part, taken = [], 0
        part.append(grapheme)
        taken += width
    yield "".join(part)
