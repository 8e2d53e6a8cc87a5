"""Text that comes in pieces, broken at the ends of words for a terminal of some width."""

import os
import unicodedata
from collections.abc import Callable

_ERASE_TO_END = "\x1b[K"
_TAB = 8  # columns
# What does not begin a line, and what does not end one, in scripts without spaces.
_CLOSING = frozenset(
    "、。，．・：；？！)]}）］｝〉》」』】〕〗〙〛’”…‥ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々%％!?,.:;"
)
_OPENING = frozenset("([{（［｛〈《「『【〔〖〘〚‘“")
_JOINER = "\u200d"


class Wrapping:
    """Breaks lines between words, or between the characters of scripts that have no spaces.

    `columns` is the terminal's width, which may change; `margin` of them stay free. A word is shown while it
    comes, and is taken to the next line once it does not fit; a terminal that cannot redraw gets it whole. A
    word that is wider than the terminal, such as an address, begins a line and is broken by the terminal.

    `shown` is what stands on the terminal, with the line feeds that were put in.
    """

    def __init__(self, columns: Callable[[], int], *, redraws: bool = True, margin: int = 0) -> None:
        self._columns = columns
        self._margin = margin
        self._redraws = redraws
        self.forget()

    def forget(self) -> None:
        """Begin anew, at the beginning of a line."""
        self.shown = ""
        self._column = 0  # where the word begins; the spaces before it are not counted
        self._spaces = ""
        self._word = ""
        self._written = ""  # the part of the word that is on the terminal

    def feed(self, text: str) -> str:
        """What the terminal has to get to show more of the text."""
        out = ""
        for character in text:
            if character == "\n":
                out += self._end_word() + "\n"
                self.shown += "\n"
                self._column, self._spaces = 0, ""
            elif character in " \t":
                out += self._end_word()
                self._spaces += character
            else:
                if not _joins(self._word, character):
                    out += self._end_word()
                self._word += character
        return out + (self._place() if self._redraws else "")

    def flush(self) -> str:
        """What has been held back: nothing more comes, or something else is shown next."""
        return self._end_word()

    def _end_word(self) -> str:
        out = self._place()
        if self._word:
            end, columns = self._start() + _cells(self._word), self._columns()
            self._column = end if end <= columns else (end - 1) % columns + 1
            self._spaces = self._word = self._written = ""
        return out

    def _start(self) -> int:
        """The column in which the word begins."""
        column = self._column
        for space in self._spaces:
            column += _TAB - column % _TAB if space == "\t" else 1
        return column

    def _place(self) -> str:
        """Show the word as far as it has come: on this line, or if it does not fit there, on the next."""
        if not self._word:
            return ""
        if self._start() + _cells(self._word) <= self._columns() - self._margin or not self._column:
            new = self._word[len(self._written) :]
            if not self._written:
                new = self._spaces + new
            self.shown += new
            self._written = self._word
            return new
        erased = ""
        if self._written:
            self.shown = self.shown[: -len(self._spaces + self._written)]
            erased = f"\x1b[{self._column + 1}G{_ERASE_TO_END}"
        self.shown += "\n" + self._word
        self._column, self._spaces, self._written = 0, "", self._word
        return f"{erased}\n{self._word}"


def _joins(word: str, character: str) -> bool:
    """Whether no line may end between `word` and `character`."""
    if not word or word.endswith(_JOINER) or word[-1] in _OPENING:
        return True
    if character in _CLOSING or _is_mark(character):
        return True
    return not (_is_wide(word[-1]) or _is_wide(character) or (_is_mark(word[-1]) and _is_wide(word[0])))


def _is_wide(character: str) -> bool:
    return not character.isascii() and unicodedata.east_asian_width(character) in "WF"


def _is_mark(character: str) -> bool:
    """Whether it belongs to the character before it: an accent, a joiner, a colour of skin."""
    return unicodedata.category(character) in ("Mn", "Me", "Mc", "Cf", "Sk") and not character.isascii()


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def terminal_size(descriptor: int) -> tuple[int, int]:
    """A terminal's columns and rows; some, over a serial line for one, do not know theirs."""
    columns, rows = os.get_terminal_size(descriptor)
    return columns or 80, rows or 24
