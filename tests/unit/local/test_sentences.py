"""A text is cut where a speaker would breathe, and nowhere else."""

import pytest

from audiocli.local.sentences import is_over, speakable, take_clause, take_sentences


@pytest.mark.parametrize(
    ("text", "sentences", "rest"),
    [
        ("Yes. They are", ["Yes."], "They are"),
        ("Yes.", [], "Yes."),  # more letters may follow: "Yes.com"
        ("Pi is 3.14 or so. It", ["Pi is 3.14 or so."], "It"),
        ('He said "no!" Then', ['He said "no!"'], "Then"),
        ("Dr. Smith met J. Doe. They", ["Dr. Smith met J. Doe."], "They"),
        ("1. Feed it\n2. Walk", ["1. Feed it"], "2. Walk"),
        ("Three things:\n\nFood", ["Three things:"], "Food"),
        ("*** \n\nWell", [], "Well"),
        ("", [], ""),
    ],
)
def test_sentences(text: str, sentences: list[str], rest: str) -> None:
    assert take_sentences(text) == (sentences, rest)


def test_a_long_first_sentence_begins_with_its_first_clause() -> None:
    text = "While they are known to be gentle with small children, they"
    assert take_clause(text) == (["While they are known to be gentle with small children,"], "they")


def test_a_short_first_clause_is_not_cut_off() -> None:
    assert take_clause("Well, they are") == ([], "Well, they are")


@pytest.mark.parametrize("text", ["Yes.", "No!", 'He said "no."', "Really? "])
def test_the_end_of_a_sentence(text: str) -> None:
    assert is_over(text)


@pytest.mark.parametrize("text", ["Yes", "By Dr.", "One\n2.", "it,", ""])
def test_not_the_end_of_a_sentence(text: str) -> None:
    assert not is_over(text)


def test_what_is_for_the_eye_is_not_spoken() -> None:
    assert speakable("## A **good**\n dog") == "A good dog"
    assert speakable(" - *** ") == ""
