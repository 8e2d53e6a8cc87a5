"""A key, kept out of everything that is shown."""

import re
from dataclasses import dataclass, field

# A server that echoes a key may echo a part of it; so much of its beginning already tells too much.
_TELLING = 8

_MASK = "***"
_WORD_ENDS = r"\s\"'<>,;"

_KEY_SHAPES = re.compile(r"\b(?:(?:sk|pk|gsk|xai)[-_]|AIza)[\w-]{12,}")


@dataclass(frozen=True)
class Secret:
    """A value that `repr` does not show. One of fewer than 8 characters keeps nobody out: it is shown."""

    value: str = field(repr=False)

    def redact(self, text: str) -> str:
        """`text` with every word masked from where the secret's first 8 characters occur in it."""
        redactor = StreamRedactor(self)
        return redactor.feed(text) + redactor.close()


def redact_key_shapes(text: str) -> str:
    """`text` with everything masked that looks like a service's key, whosever it is."""
    return _KEY_SHAPES.sub(_MASK, text)


def without_secrets(url: str) -> str:
    """`url` without what may be secret in it: a password before its host, the values of its query."""
    place, mark, query = re.sub(r"//[^/?#]*@", "//", url).partition("?")
    return place + mark + re.sub(r"=[^&]*", f"={_MASK}", query)


class StreamRedactor:
    """Redacts text that arrives in pieces as `Secret.redact` does the whole, wherever the pieces are cut.

    Only text that may be the beginning of the secret's first 8 characters is held back until more has come.
    """

    def __init__(self, secret: Secret | None) -> None:
        value = secret.value if secret else ""
        self._start = value[:_TELLING] if len(value) >= _TELLING else ""
        # A character of the secret's own does not end a word.
        word = rf"(?:[^{_WORD_ENDS}]|[{re.escape(value)}])*" if self._start else ""
        self._rest_of_word = re.compile(rf"\A{word}")
        self._secret = re.compile(re.escape(self._start) + word)
        self._held = ""
        self._masking = False  # the last piece ended in a masked word

    def feed(self, piece: str) -> str:
        if not self._start:
            return piece
        text = self._held + piece
        if self._masking:
            text = self._rest_of_word.sub("", text)
            self._masking = not text
        shown, position = [], 0
        for match in self._secret.finditer(text):
            shown += [text[position : match.start()], _MASK]
            position = match.end()
            self._masking = position == len(text)
        end = len(text) - self._length_of_start(text[position:])
        self._held = text[end:]
        return "".join(shown) + text[position:end]

    def close(self) -> str:
        held, self._held = self._held, ""
        self._masking = False
        return held

    def _length_of_start(self, text: str) -> int:
        lengths = range(min(_TELLING - 1, len(text)), 0, -1)
        return next((length for length in lengths if text.endswith(self._start[:length])), 0)
