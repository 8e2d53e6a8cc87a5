"""Text is told in the order of the sound, though pieces of it are heard at once."""

from collections.abc import Iterator

from audiocli.subtitles.captions import PARAGRAPH_SECONDS

PARAGRAPH = "\n\n"

Span = tuple[float, float]
"""When somebody begins to speak in a piece, and when that ends (seconds of the sound)."""


class InOrder:
    """Of pieces that are numbered from 0, the earliest that has not ended is told as it comes.

    What comes of later ones waits. Each method gives what can be told now. A space parts the pieces, or
    `PARAGRAPH` where a long pause is known to be between them.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._coming: dict[int, str] = {}  # of later pieces that have not ended
        self._ended: dict[int, tuple[str, Span | None]] = {}  # of later pieces that have
        self._spoken_until: float | None = None
        self._begun = False  # something has been told
        self._told = False  # something of the piece whose turn it is

    def add(self, number: int, text: str) -> Iterator[str]:
        """More has come of a piece."""
        if number == self._turn:
            yield from self._tell(text)
        else:
            self._coming[number] = self._coming.get(number, "") + text

    def end(self, number: int, text: str, span: Span | None = None) -> Iterator[str]:
        """A piece has ended; `text` is all of it, which is told if nothing was yet."""
        self._coming.pop(number, None)
        self._ended[number] = text, span
        while self._turn in self._ended:
            whole, spoken = self._ended.pop(self._turn)
            if not self._told:
                yield from self._tell(whole, apart=self._is_apart(spoken))
            if spoken:
                self._spoken_until = spoken[1]
            self._turn += 1
            self._told = False
        yield from self._tell(self._coming.pop(self._turn, ""))

    def _is_apart(self, span: Span | None) -> bool:
        if span is None or self._spoken_until is None:
            return False
        return span[0] - self._spoken_until > PARAGRAPH_SECONDS

    def _tell(self, text: str, *, apart: bool = False) -> Iterator[str]:
        if not self._told:
            text = text.lstrip()
        if text:
            parted = self._begun and not self._told
            self._begun = self._told = True
            yield f"{PARAGRAPH if apart else ' '}{text}" if parted else text
