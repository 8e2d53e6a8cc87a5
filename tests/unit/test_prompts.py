"""What a user writes for a model is text, and there is something to see in it."""

import pytest

from audiocli.errors import InputError, UsageError
from audiocli.printable import is_blank
from audiocli.prompts import check_prompt, check_utf8

BLANK = {
    "spaces": " \t\r\n\f\v",
    "wide spaces": "\u00a0\u2003\u3000",
    "line separators": "\u2028\u2029\x85",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "directions": "\u200e\u200f\u202a\u2069\u061c",
    "controls": "\x00\x1b\x7f",
    "a soft hyphen": "\u00ad",
    "fillers": "\u3164\u115f\uffa0\u2800",
    "variation selectors": "\ufe0f\U000e0101",
    "tags": "\U000e0041",
}


@pytest.mark.parametrize("name", BLANK)
def test_a_text_with_nothing_to_see_is_none(name: str) -> None:
    assert is_blank(BLANK[name])
    with pytest.raises(UsageError, match="--system has nothing but white space"):
        check_prompt(BLANK[name], "--system")
    assert not is_blank(f"{BLANK[name]}x")


@pytest.mark.parametrize(
    "text", ["a", " . ", "?", "\u0e33", "\U0001f600", "한", "\u0301", "\ufffd", "\ue000"]
)
def test_a_text_with_anything_to_see_is_one(text: str) -> None:
    assert not is_blank(text)
    check_prompt(text, "the prompt")


@pytest.mark.parametrize("text", ["\udcff", "a\udc80b", "\udcff b"])
def test_bytes_that_are_not_utf_8_are_refused(text: str) -> None:
    for check in (check_prompt, check_utf8):
        with pytest.raises(InputError, match="the prompt is not valid UTF-8"):
            check(text, "the prompt")


def test_no_text_is_no_error() -> None:
    for text in (None, ""):
        check_prompt(text, "the prompt")
        check_utf8(text, "the prompt")
