"""What can be said in a recording passes; what a model makes of its own accord does not, or is taken off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocli.errors import ReplyError
from audiocli.providers.openai.spoken import (
    DOUBTFUL,
    FENCED,
    INTRODUCED,
    QUOTED,
    SILENT,
    STAMPED,
    Spoken,
    count_words,
    spoken,
)

SPEECH = (
    "I'm sorry, I can't tell you how much it meant to us. When we began, in the spring of that year, nobody"
    " thought that it would last, and yet here we are, with all of you, and with a roof over our heads."
)
CHORUS = "We all live in a yellow submarine, yellow submarine, yellow submarine.\n" * 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (SPEECH, 16.0),
        ("I'm sorry. " + SPEECH, 18.0),
        ("Sorry, I can't hear you.", 60.0),
        ("Unfortunately, we cannot meet today.", 3.0),
        ("Here is the news: it rains.", 3.0),
        ("Sure, why not: we go.", 3.0),
        ("It is 10:30 now.", 2.0),
        ('He said "no", and then "yes"', 3.0),
        ("No, no, no, no, no, no, no, no, no, no!", 4.0),
        (CHORUS * 3, 30.0),
        ("A clip may be cut in the middle of words that are spoken faster than anybody thinks.", 0.5),
        ("今日はとても良い天気ですね。散歩に行きましょう。", 4.0),
        ("Are you there?\nYes.", 2.0),
        ("1. Bread\n2. Milk", 3.0),
    ],
)
def test_what_may_be_speech_passes_as_it_is(text: str, seconds: float) -> None:
    assert spoken(text, seconds) == Spoken(text.strip())


@pytest.mark.parametrize(
    ("text", "seconds", "problem"),
    [
        ("I'm sorry, but I can't transcribe this audio.", 5.0, "refuses"),
        ("I\u2019m sorry, I can\u2019t assist with that request.", 60.0, "refuses"),
        ("I am unable to process audio files directly.", 20.0, "refuses"),
        ("As an AI language model, I don't have the ability to listen to audio.", 8.0, "refuses"),
        ("I cannot hear any speech in it.", 30.0, "refuses"),
        ("", 5.0, "wrote nothing"),
        ("```\n```", 5.0, "wrote nothing"),
        (f"{SPEECH} {SPEECH}", 4.0, "more than can be said in 4 s"),
        ("and then " * 200, 600.0, "repeated itself"),
        ("Well, here we go. " + "Thank you for watching this video. " * 40, 300.0, "repeated itself"),
        ("## Summary\n\n- **Topic**: the weather\n- **Mood**: good", 60.0, "answered in place"),
    ],
)
def test_what_is_no_transcript_is_refused(text: str, seconds: float, problem: str) -> None:
    with pytest.raises(ReplyError, match=problem) as caught:
        spoken(text, seconds)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ("Sure, here is the transcription:\n\nWe go now.", INTRODUCED),
        ("Here's the verbatim transcript of the audio: We go now.", INTRODUCED),
        ("**Transcription:** We go now.", INTRODUCED),
        ("```\nWe go now.\n```", FENCED),
        ("```text\nWe go now.\n```", FENCED),
        ('"We go now."', QUOTED),
        ("“We go now.”", QUOTED),
    ],
)
def test_what_wraps_a_transcript_is_taken_off_and_said(answer: str, note: str) -> None:
    assert spoken(answer, 3.0) == Spoken("We go now.", (note,))


def test_all_of_it_is_taken_off() -> None:
    answer = 'Certainly! Here is the transcription:\n```\n"We go now."\n```'
    assert spoken(answer, 3.0) == Spoken("We go now.", (INTRODUCED, FENCED, QUOTED))


def test_times_that_every_line_has_are_taken_off() -> None:
    assert spoken("[00:01] One.\n[00:03] Two.", 4.0) == Spoken("One.\nTwo.", (STAMPED,))


@pytest.mark.parametrize("answer", ["[silence]", "(Silence.)", "[no speech]", "[Music]", "*inaudible*"])
def test_silence_is_a_transcript_without_words(answer: str) -> None:
    assert spoken(answer, 10.0) == Spoken("", (SILENT,))


def test_a_short_refusal_in_a_short_clip_may_be_said_there_and_is_marked() -> None:
    assert spoken("I'm sorry, I can't help you.", 3.0).notes == (DOUBTFUL,)


def test_characters_count_where_a_script_has_no_spaces() -> None:
    assert count_words("one two") == 2
    assert count_words("今日は 良い") == 2.5


@given(st.text(), st.floats(0, 1e6))
def test_any_answer_is_judged(answer: str, seconds: float) -> None:
    try:
        said = spoken(answer, seconds)
    except ReplyError:
        return
    assert said.text in answer or STAMPED in said.notes
