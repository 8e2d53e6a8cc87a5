"""Pieces become one transcript."""

import pytest

from audiocli.chat import Usage
from audiocli.recordings.job import PieceDone
from audiocli.recordings.joining import NO_SPEECH, join, placed, text_of
from audiocli.transcript import Segment, Transcript, Word


def spoken(start: float, end: float, text: str, speaker: str | None = None) -> PieceDone:
    return PieceDone(start, end, (Segment(text, start, end, speaker=speaker),), "segment", "en")


def test_times_are_moved_to_where_the_piece_is() -> None:
    heard = Transcript(
        segments=(Segment("hello you", 0.5, 2.0, (Word("hello", 0.5, 1.0), Word("you", 1.0, 2.0))),),
        duration=10,
        timing="word",
    )
    (segment,) = placed(heard, 60.0, 70.0, 0.25).segments
    assert (segment.start, segment.end) == (60.5, 62.0)
    assert [(word.start, word.end) for word in segment.words] == [(60.5, 61.0), (61.0, 62.0)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (-3.0, 4.0, (60.0, 64.0)),
        (8.0, 99.0, (68.0, 70.0)),
        (50.0, 90.0, (70.0, 70.0)),
        (5.0, 2.0, (65.0, 65.0)),
    ],
)
def test_a_time_outside_the_piece_is_brought_to_its_edge(
    start: float, end: float, expected: tuple[float, float]
) -> None:
    heard = Transcript(segments=(Segment("x", start, end, (Word("x", start, end),)),), duration=10)
    (segment,) = placed(heard, 60.0, 70.0, None).segments
    assert (segment.start, segment.end) == expected
    assert (segment.words[0].start, segment.words[0].end) == expected


def test_what_a_piece_cost_and_used_stays_with_it() -> None:
    heard = Transcript(segments=(), duration=10, language="de", usage=Usage(input_tokens=7), notes=("odd",))
    assert placed(heard, 0, 10, 0.5) == PieceDone(
        0, 10, (), "piece", "de", Usage(input_tokens=7), 0.5, ("odd",)
    )


def test_pieces_are_put_in_the_order_of_the_sound() -> None:
    joined = join([spoken(20, 30, "three"), spoken(0, 10, "one"), spoken(10, 20, "two")], 30)
    assert joined.text == "one two three"
    assert joined.duration == 30


def test_of_pieces_that_overlap_one_counts() -> None:
    joined = join(
        [spoken(0, 10, "one"), spoken(0, 10, "one"), spoken(5, 12, "odd"), spoken(10, 20, "two")], 20
    )
    assert joined.text == "one two"


def test_the_timing_is_the_coarsest_of_what_was_heard() -> None:
    exact = PieceDone(0, 10, (Segment("one", 0, 10),), "word")
    silent = PieceDone(20, 30, (), "piece")
    assert join([exact, silent], 30).timing == "word"
    assert join([exact, spoken(10, 20, "two"), silent], 30).timing == "segment"


def test_usage_is_added_up_and_unknown_where_none_is_known() -> None:
    parts = [PieceDone(0, 1, (), "piece", usage=Usage(3, 4, 2, 1, 1, input_seconds=0.5)) for _ in range(1)]
    parts.append(PieceDone(1, 2, (), "piece", usage=Usage(1, 1, input_seconds=2)))
    assert join(parts, 2).usage == Usage(4, 5, 2, 1, 1, input_seconds=2.5)
    assert join([PieceDone(0, 1, (), "piece")], 1).usage is None


def test_the_language_is_that_of_most_of_the_sound_and_others_are_noted() -> None:
    german = PieceDone(10, 40, (Segment("zwei", 10, 40),), "segment", "de")
    joined = join([spoken(0, 10, "one"), german], 40)
    assert joined.language == "de"
    assert joined.notes == ("several languages were heard: de, en",)


def test_notes_are_told_once_the_sounds_own_first() -> None:
    noted = [PieceDone(i, i + 1, (Segment("x", i, i + 1),), "segment", notes=("cut", "odd")) for i in (0, 1)]
    assert join(noted, 2, ["truncated", "cut"]).notes == ("truncated", "cut", "odd")


def test_silence_is_noted() -> None:
    joined = join([PieceDone(0, 10, (), "piece")], 10)
    assert (joined.text, joined.notes) == ("", (NO_SPEECH,))


def test_a_single_piece_keeps_the_names_of_its_speakers() -> None:
    silent = PieceDone(10, 20, (), "piece")
    joined = join([spoken(0, 10, "one", "A"), silent], 20)
    assert [segment.speaker for segment in joined.segments] == ["A"]
    assert joined.notes == ()


def test_speakers_of_several_pieces_are_not_taken_for_each_other() -> None:
    joined = join([spoken(0, 10, "one", "A"), spoken(10, 20, "two", "A"), spoken(20, 30, "three")], 30)
    assert [segment.speaker for segment in joined.segments] == ["1-A", "2-A", None]
    assert "speakers are told apart only within each" in joined.notes[0]


def test_a_pieces_text_is_its_segments() -> None:
    assert text_of(PieceDone(0, 2, (Segment("a", 0, 1), Segment("b", 1, 2)), "segment")) == "a b"
