"""What the recogniser makes of what its model writes."""

from collections.abc import Iterator

import pytest

from audiocli.local.moonshine import Written, _read_tokens, _words
from audiocli.local.recogniser import without_filler


def _written(text: str, confidence: float = 0.95) -> list[Written]:
    return [Written(word, confidence) for word in text.split()]


SAID = _written("Happy to walk you through the steps.")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ([*SAID, *_written("Thank you.", 0.2)], SAID),
        ([*SAID, *_written("Music", 0.43)], SAID),
        (_written("You", 0.7), []),
        (_written("Stop.", 0.3), _written("Stop.", 0.3)),  # a word alone
        ([*SAID, *_written("Thank you.")], [*SAID, *_written("Thank you.")]),
        (_written("You and me and them", 0.2), _written("You and me and them", 0.2)),
        ([], []),
    ],
)
def test_what_it_hears_in_a_noise_is_left_out(written: list[Written], kept: list[Written]) -> None:
    assert without_filler(written) == kept


def test_tokens_make_words() -> None:
    def tokens() -> Iterator[tuple[bytes, float]]:
        yield "\u2581Open".encode(), 0.9
        yield b"AI", 0.8
        yield b",", 0.1  # how sure it is of a comma says nothing of the word
        yield "\u2581caf".encode(), 0.7
        yield b"\xc3", 0.6
        yield b"\xa9", 0.5

    assert list(_words(tokens())) == [Written("OpenAI,", 0.8), Written("café", 0.7)]


def test_a_token_may_have_a_long_length() -> None:
    long = b"x" * 300
    content = b"\x02ab" + bytes([300 % 128 + 128, 300 // 128]) + long + b"\x01c"
    assert list(_read_tokens(content)) == [b"ab", long, b"c"]
