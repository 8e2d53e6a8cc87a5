"""Text from elsewhere drives no terminal, and does not have it show a line in another order."""

import json

import pytest

from audiocli.printable import escaped, one_line, printable, unreordered

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
RIGHT_TO_LEFT = "שלום مرحبا سلام‌علیکم"  # with a zero-width non-joiner, which Persian needs


@pytest.mark.parametrize("control", BIDI)
def test_a_bidirectional_control_is_left_out_and_letters_stay(control: str) -> None:
    assert unreordered(f"a{control}b {RIGHT_TO_LEFT}") == f"ab {RIGHT_TO_LEFT}"
    assert one_line(f"a{control}b") == "a b"
    assert printable(control) == control


@pytest.mark.parametrize("text", [BIDI, "\x7f\x80\x9b", "plain", RIGHT_TO_LEFT, 'a"\\b\n', "\U0001f600"])
def test_escaped_json_means_the_same_and_shows_nothing_that_drives(text: str) -> None:
    shown = escaped(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(shown) == {"text": text}
    assert not set(shown) & {*BIDI, "\x7f", "\x80", "\x9b"}
