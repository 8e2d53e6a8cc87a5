"""What a language model cannot take is known before it counts the tokens."""

import pytest

from audiocli.errors import InputError
from audiocli.local.think import MOST_CHARACTERS, MOST_TURNS, Turn, check_length


@pytest.mark.parametrize(
    "turns",
    [[Turn("user", "x")] * (MOST_TURNS + 1), [Turn("user", "x" * MOST_CHARACTERS), Turn("user", "x")]],
)
def test_a_conversation_that_cannot_fit_is_refused_at_once(turns: list[Turn]) -> None:
    with pytest.raises(InputError, match="more than 2,048 tokens") as refused:
        check_length(turns)
    assert refused.value.exit_code == 2
    assert refused.value.code == "context_length_exceeded"


def test_one_that_may_fit_is_left_to_the_model() -> None:
    check_length([Turn("user", "x" * (MOST_CHARACTERS // MOST_TURNS))] * MOST_TURNS)
