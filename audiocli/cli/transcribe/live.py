"""Text on a terminal while it is recognised."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from audiocli.cli.wrapping import Wrapping
from audiocli.printable import printable, unreordered

_ERASE_TO_END = "\x1b[J"


class LiveText:
    """Shows provisional text at once, and in the end what is final, once.

    `write` takes what a terminal of `size` (columns, rows) shows. Text that has left the screen at its upper
    edge stays as it was heard. Without `redraws`, on a terminal that cannot, only what is final is shown.
    """

    def __init__(
        self, write: Callable[[str], None], size: Callable[[], tuple[int, int]], *, redraws: bool = True
    ) -> None:
        self._write = write
        self._size = size
        self._wrapping = Wrapping(lambda: size()[0])
        self._redraws = redraws
        self._heard = ""

    def hear(self, text: str) -> None:
        """Show more of the text."""
        if self._redraws:
            shown = _plain(text)
            self._heard += shown
            self._write(self._wrapping.feed(shown))

    def settle(self, text: str) -> None:
        """Let `text` stand there, and end its line."""
        final = _plain(text).rstrip()
        if final != self._heard.rstrip() and self._is_erased():
            self._show_again(final)
        self.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A while in which a line of something else may be written: above the text, or where it is now."""
        erased = self._is_erased()
        if not erased:
            self._write(self._wrapping.feed("\n"))
        yield
        if erased and self._heard:
            self._show_again(self._heard)

    def _show_again(self, text: str) -> None:
        self._wrapping.forget()
        self._write(self._wrapping.feed(text))
        self._heard = text

    def close(self) -> None:
        """End the line that is open."""
        if self._heard:
            self._write("\n")
        self._heard = ""
        self._wrapping.forget()

    def _is_erased(self) -> bool:
        """Whether nothing is left of what was heard: it is taken away where it can be reached."""
        if not self._heard:
            return True
        columns, rows = self._size()
        up = _last_row(self._wrapping.shown, columns)
        if up >= rows:
            return False
        self._write((f"\x1b[{up}A" if up else "") + "\r" + _ERASE_TO_END)
        return True


def _plain(text: str) -> str:
    return unreordered(printable(text)).replace("\t", " ")


def _last_row(text: str, columns: int) -> int:
    """The row, counted from 0, that `text` ends in on a terminal as wide as that."""
    from rich.cells import get_character_cell_size

    row = column = 0
    for character in text:
        width = get_character_cell_size(character)
        if character == "\n":
            row, column = row + 1, 0
        elif column + width > columns:
            row, column = row + 1, width
        else:
            column += width
    return row
