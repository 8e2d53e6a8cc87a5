"""Each word of a known text gets its time, whether a dictionary has it or not."""

import wave
from itertools import pairwise
from pathlib import Path

import pytest

from audiocli.local.align import Aligner

pytest.importorskip("pocketsphinx", reason="the local extra is not installed")

SAMPLES = Path(__file__).parents[3] / "samples"
TEXT = ["Is", "a", "golden", "retriever", "a", "good", "family", "dog?"]


@pytest.fixture(scope="module")
def question() -> bytes:
    with wave.open(str(SAMPLES / "question.wav")) as sound:
        return bytes(sound.readframes(sound.getnframes()))


def test_words_are_found_one_after_the_other(question: bytes) -> None:
    spans = Aligner().align(TEXT, question)
    assert len(spans) == len(TEXT)
    assert all(start < end for start, end in spans)
    assert all(a[1] <= b[0] + 0.011 for a, b in pairwise(spans))
    assert spans[2] == pytest.approx((0.55, 1.15), abs=0.1)
    assert spans[-1][1] <= len(question) / 32_000


@pytest.mark.parametrize("word", ["retriiver", "RETRIEVER", "re-triever", "retriever's"])
def test_a_word_that_no_dictionary_has_is_found_by_its_letters(question: bytes, word: str) -> None:
    spans = Aligner().align([*TEXT[:3], word, *TEXT[4:]], question)
    assert spans[3] == pytest.approx((1.15, 1.91), abs=0.15)
    assert spans[2] == pytest.approx((0.55, 1.15), abs=0.15)


@pytest.mark.parametrize("word", ["♪♪♪", "дом", "………"])
def test_where_one_cannot_be_found_they_share_the_time(question: bytes, word: str) -> None:
    spans = Aligner().align(["aaa", word], question)
    seconds = len(question) / 32_000
    assert spans == [pytest.approx((0, seconds / 2)), pytest.approx((seconds / 2, seconds))]


def test_what_was_heard_before_does_not_matter(question: bytes) -> None:
    used = Aligner()
    first = used.align(TEXT, question)
    used.align(["hello", "there"], question[:32_000])
    assert used.align(TEXT, question) == first
