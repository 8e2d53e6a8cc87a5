"""Text is told in the order of the sound, though pieces of it are heard at once."""

from collections.abc import Iterator


class InOrder:
    """Of pieces that are numbered from 0, the earliest that has not ended is told as it comes.

    What comes of later ones waits. Each method gives what can be told now; a space parts the pieces.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._coming: dict[int, str] = {}  # of later pieces that have not ended
        self._ended: dict[int, str] = {}  # of later pieces that have
        self._begun = False  # something has been told
        self._told = False  # something of the piece whose turn it is

    def add(self, number: int, text: str) -> Iterator[str]:
        """More has come of a piece."""
        if number == self._turn:
            yield from self._tell(text)
        else:
            self._coming[number] = self._coming.get(number, "") + text

    def end(self, number: int, text: str) -> Iterator[str]:
        """A piece has ended; `text` is all of it, which is told if nothing was yet."""
        self._coming.pop(number, None)
        self._ended[number] = text
        while self._turn in self._ended:
            whole = self._ended.pop(self._turn)
            if not self._told:
                yield from self._tell(whole)
            self._turn += 1
            self._told = False
        yield from self._tell(self._coming.pop(self._turn, ""))

    def _tell(self, text: str) -> Iterator[str]:
        if not self._told:
            text = text.lstrip()
        if text:
            parted = self._begun and not self._told
            self._begun = self._told = True
            yield f" {text}" if parted else text
