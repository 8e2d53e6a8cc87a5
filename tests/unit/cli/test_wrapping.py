"""On a terminal lines end between words, however the text comes in pieces."""

import random
import re
import unicodedata

import pytest
from rich.cells import cell_len, get_character_cell_size

from audiocli.cli.wrapping import Wrapping


class Terminal:
    """As much of a terminal as is needed: it wraps late, goes to a column, and erases to the line's end."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]
        self.auto = 0  # lines that the terminal itself has broken

    def write(self, text: str) -> None:
        for part in re.findall(r"\x1b\[\d*[GK]|.", text, re.S):
            if part.endswith("G") and part[0] == "\x1b":
                self._go_to(int(part[2:-1]) - 1)
            elif part == "\n":
                self.lines.append([])
            elif part != "\x1b[K":
                self._put(part)

    def _put(self, character: str) -> None:
        width = get_character_cell_size(character)
        if cell_len("".join(self.lines[-1])) + width > self.columns:
            self.lines.append([])
            self.auto += 1
        self.lines[-1].append(character)

    def _go_to(self, column: int) -> None:
        line = "".join(self.lines[-1])
        while cell_len(line) > column:
            line = line[:-1]
        assert cell_len(line) == column, "it goes into a character"
        self.lines[-1] = list(line)

    @property
    def text(self) -> list[str]:
        return ["".join(line) for line in self.lines]


def shown(pieces: list[str], columns: int, *, redraws: bool = True) -> Terminal:
    terminal = Terminal(columns)
    wrapping = Wrapping(lambda: columns, redraws=redraws)
    for piece in pieces:
        terminal.write(wrapping.feed(piece))
    terminal.write(wrapping.flush())
    assert wrapping.shown.split("\n")[-1] == terminal.text[-1] or terminal.auto
    return terminal


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Golden retrievers are good dogs", ["Golden", "retrievers", "are good", "dogs"]),
        ("ten chars! now", ["ten chars!", "now"]),
        ("one\n\n  two", ["one", "", "  two"]),
        ("see https://example.com/x now", ["see", "https://ex", "ample.com/", "x now"]),
        ("日本語のテキスト。はい", ["日本語のテ", "キスト。は", "い"]),
        ("あいうえお。か", ["あいうえ", "お。か"]),
        ("dogs 日本語 ok", ["dogs 日本", "語 ok"]),
        ("cafe\u0301 cre\u0300me ok", ["cafe\u0301 cre\u0300me", "ok"]),
    ],
)
@pytest.mark.parametrize("redraws", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_end_between_words(text: str, lines: list[str], redraws: bool, size: int) -> None:
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert shown(pieces, 10, redraws=redraws).text == lines


def test_a_word_is_shown_while_it_comes() -> None:
    wrapping = Wrapping(lambda: 10)
    assert [wrapping.feed(piece) for piece in ("a gold", "en", " re")] == ["a gold", "en", "\nre"]


def test_a_word_that_does_not_fit_is_taken_to_the_next_line() -> None:
    wrapping = Wrapping(lambda: 8)
    assert wrapping.feed("a dog") + wrapping.feed("house") == "a dog\x1b[2G\x1b[K\ndoghouse"


def test_a_terminal_that_cannot_redraw_gets_whole_words() -> None:
    wrapping = Wrapping(lambda: 8, redraws=False)
    assert [wrapping.feed("a dog"), wrapping.feed("house "), wrapping.flush()] == ["a", "\ndoghouse", ""]


def test_the_width_may_change() -> None:
    columns = 20
    wrapping = Wrapping(lambda: columns)
    out = wrapping.feed("one two ")
    columns = 9
    assert out + wrapping.feed("three") == "one two\nthree"


def test_whatever_comes_nothing_is_lost_and_no_word_that_fits_is_broken() -> None:
    chance = random.Random(7)  # noqa: S311 - nothing secret
    alphabet = "abc  e\u0301日本。、👍🏽👩\u200d👧!-\n\t한글"
    for _ in range(300):
        text = unicodedata.normalize(
            "NFC", "".join(chance.choices(alphabet, k=chance.randint(1, 60)))
        ).strip()
        columns = chance.randint(6, 20)
        pieces = re.findall(rf"(?s).{{1,{chance.randint(1, 9)}}}", text)
        wrapping = Wrapping(lambda columns=columns: columns)  # type: ignore[misc] # bound now
        for piece in pieces:
            wrapping.feed(piece)
        wrapping.flush()
        assert "".join(wrapping.shown.split()) == "".join(text.split())
        for word in text.split():
            if word.isascii() and len(word) <= columns:
                assert word in wrapping.shown
