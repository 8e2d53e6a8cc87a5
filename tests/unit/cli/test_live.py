"""What stands on a terminal while text is recognised."""

import re

import pytest

from audiocli.cli.transcribe.live import LiveText

COLUMNS, ROWS = 20, 6


class Terminal:
    """As much of a terminal as the text needs: it wraps, scrolls, goes up, and erases to the end."""

    def __init__(self) -> None:
        self.rows = [""]
        self.row = self.column = 0
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text
        for part in re.findall(r"\x1b\[\d*[AJ]|.", text, re.S):
            match part[-1]:
                case "A" if part[0] == "\x1b":
                    top = max(0, len(self.rows) - ROWS)
                    self.row = max(top, self.row - int(part[2:-1]))
                case "J" if part[0] == "\x1b":
                    self.rows[self.row :] = [self.rows[self.row][: self.column]]
                case "\r":
                    self.column = 0
                case "\n":
                    self._next_row()
                case character:
                    self._put(character)

    def _put(self, character: str) -> None:
        if self.column == COLUMNS:
            self._next_row()
        self.rows[self.row] = self.rows[self.row].ljust(self.column)[: self.column] + character
        self.column += 1

    def _next_row(self) -> None:
        self.row, self.column = self.row + 1, 0
        if self.row == len(self.rows):
            self.rows.append("")

    @property
    def text(self) -> str:
        return "".join(row if len(row) == COLUMNS else row + "\n" for row in self.rows).rstrip("\n")


def live(terminal: Terminal, *, redraws: bool = True) -> LiveText:
    return LiveText(terminal.write, lambda: (COLUMNS, ROWS), redraws=redraws)


def test_text_appears_at_once_and_only_once() -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("hello")
    assert terminal.text == "hello"
    shown.hear(" there")
    shown.settle("hello there\n")
    assert terminal.written == "hello there\n"


@pytest.mark.parametrize("length", [1, COLUMNS - 1, COLUMNS, COLUMNS + 1, 3 * COLUMNS, 3 * COLUMNS + 1])
def test_final_text_takes_the_place_of_what_was_heard(length: int) -> None:
    terminal = Terminal()
    terminal.write("$ audiocli\n")
    shown = live(terminal)
    shown.hear("p" * length)
    shown.settle("One.\n\nTwo.\n")
    assert terminal.text == "$ audiocli\nOne.\n\nTwo."


def test_wide_characters_take_two_columns() -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("日" * COLUMNS)
    shown.settle("final")
    assert f"\x1b[{1}A\r" in terminal.written


def test_what_has_left_the_screen_stays_and_is_not_repeated() -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("p" * COLUMNS * (ROWS + 1))
    shown.settle("final")
    assert terminal.text == "p" * COLUMNS * (ROWS + 1)


def test_what_turns_out_to_be_nothing_is_taken_away() -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("noise")
    shown.settle("")
    assert terminal.text == ""


def test_a_terminal_that_cannot_redraw_gets_what_is_final() -> None:
    terminal = Terminal()
    shown = live(terminal, redraws=False)
    shown.hear("provisional")
    shown.settle("Final.\n")
    assert terminal.written == "Final.\n"


@pytest.mark.parametrize("length", [0, 5, 2 * COLUMNS])
def test_what_is_said_meanwhile_stands_above_the_text(length: int) -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("p" * length)
    with shown.paused():
        terminal.write("a note\n")
    shown.hear("q")
    assert terminal.text == "a note\n" + "p" * length + "q"


def test_what_is_said_after_a_full_screen_has_a_line_of_its_own() -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("p" * (COLUMNS * ROWS + 3))
    with shown.paused():
        terminal.write("a note\n")
    shown.hear("q")
    assert terminal.text == "p" * (COLUMNS * ROWS + 3) + "\na note\nq"


def test_text_cannot_drive_the_terminal() -> None:
    terminal = Terminal()
    shown = live(terminal)
    shown.hear("\x1b[2Jhe")
    shown.settle("\x9b2Jhi")
    assert terminal.text == "2Jhi"
