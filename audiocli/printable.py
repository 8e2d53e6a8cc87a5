"""Text that came from elsewhere, made safe to show.

A service's message, a transcript or a file's name may hold escape sequences that drive a terminal, or
bidirectional controls that reorder a line. None of them is shown raw.
"""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BIDI = "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_DRIVING = f"[\x7f-\x9f]|{_BIDI}"


def printable(text: str) -> str:
    """`text` without control characters; tabs and line feeds stay."""
    return _CONTROLS.sub("", text)


def unreordered(text: str) -> str:
    """`text` without the bidirectional controls that could have a terminal show it in another order.

    Letters of scripts that are written from right to left need none of them.
    """
    return text if text.isascii() else re.sub(_BIDI, "", text)


def escaped(json: str) -> str:
    """A JSON text that means the same and cannot drive a terminal, nor reorder what it shows."""
    if json.isascii() and "\x7f" not in json:
        return json
    return re.sub(_DRIVING, lambda match: f"\\u{ord(match[0]):04x}", json)


def one_line(text: str, limit: int = 200) -> str:
    """`text` on one line of at most `limit` characters, with a space for each that cannot be seen."""
    looked_at = text[: 16 * limit]  # Of 10 MB no more is needed to fill a line.
    if not looked_at.isprintable():  # most are, and this is on the gateway's way
        looked_at = "".join(character if character.isprintable() else " " for character in looked_at)
    line = " ".join(looked_at.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def is_blank(text: str) -> bool:
    """Whether nothing in `text` can be seen: white space, controls, and what Unicode has fonts ignore."""
    return all(_is_unseen(character) for character in text)


def _is_unseen(character: str) -> bool:
    from unicodedata import category  # Most programs end without it.

    kind = category(character)
    return kind[0] == "Z" or kind in ("Cc", "Cf") or re.match(_FILLERS, character) is not None


# Letters, marks and symbols that are drawn as nothing: fillers, joiners, variation selectors, blank Braille.
_FILLERS = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"


def quoted(name: str) -> str:
    """A name in quotes; what cannot be seen in it is escaped."""
    escaped = repr(name)
    return escaped if len(escaped) <= 120 else escaped[:60] + "…" + escaped[-59:]
