"""Subtitles, tables, text and JSON of transcripts, judged by readers that others have written."""

import io
import json
import unicodedata

import pytest
import srt
import webvtt

from audiocli.chat import Usage
from audiocli.errors import InputError
from audiocli.subtitles.captions import (
    Cue,
    CueLimits,
    cues,
    decode_json,
    decode_srt,
    decode_vtt,
    encode_json,
    encode_srt,
    encode_text,
    encode_tsv,
    encode_vtt,
    segments_from_json,
    segments_to_json,
)
from audiocli.transcript import Segment, Transcript, Word

LONG = (
    "We went to the market in the early morning, because it was going to be very hot by noon, and nobody "
    "likes to carry melons in the heat. Then she said: no."
)


def transcript(*segments: Segment, duration: float = 60.0) -> Transcript:
    return Transcript(segments=segments, duration=duration, timing="segment")


def lines(*segments: Segment, words: bool = False) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues(transcript(*segments), words=words)]


# Cues


def test_a_long_sentence_is_cut_where_a_reader_takes_a_breath() -> None:
    assert lines(Segment(LONG, 0.0, 12.0)) == [
        ("We went to the market", "in the early morning,"),
        ("because it was going", "to be very hot by noon,"),
        ("and nobody likes to carry melons", "in the heat. Then she said: no."),
    ]


def test_a_pause_between_words_begins_a_cue() -> None:
    words = (Word("One", 0.0, 0.5), Word("two", 0.6, 1.0), Word("three", 3.0, 3.5))
    first, second = cues(transcript(Segment("One two three", 0.0, 3.5, words)))
    assert first == Cue(0.0, 1.0, ("One two",))
    assert second == Cue(3.0, 3.8, ("three",))


def test_times_of_words_that_the_text_does_not_hold_are_not_used() -> None:
    words = (Word("Uno", 0.0, 0.5), Word("dos", 3.0, 3.5))
    assert cues(transcript(Segment("One two", 0.0, 3.5, words))) == [Cue(0.0, 3.5, ("One two",))]


def test_a_few_words_in_a_long_piece_are_shown_at_its_start() -> None:
    assert cues(transcript(Segment("Good morning.", 0.0, 1400.0))) == [Cue(0.0, 7.0, ("Good morning.",))]


def test_a_cue_of_no_length_is_shown_as_long_as_there_is_room() -> None:
    shown = cues(transcript(Segment("a", 1.0, 1.0), Segment("b", 1.2, 1.2), Segment("c", 1.2, 1.2)))
    assert [(cue.start, cue.end) for cue in shown] == [(1.0, 1.2), (1.2, 1.201), (1.201, 2.001)]


def test_a_speaker_is_new_after_one_who_said_nothing_that_is_shown() -> None:
    said = (Segment("No.", 0.0, 1.0, speaker="A"), Segment(" ", 1.0, 2.0, speaker="B"))
    *_, last = cues(transcript(*said, Segment("x" * 42, 2.0, 5.0, speaker="B")))
    assert last.lines == ("x" * 39, "x" * 3)  # "B: " stands before the first


def test_speakers_who_speak_at_once_are_shown_one_after_the_other() -> None:
    shown = cues(transcript(Segment("a b", 0.0, 4.0, speaker="A"), Segment("c d", 2.0, 3.0, speaker="B")))
    assert [(cue.start, cue.end) for cue in shown] == [(0.0, 2.0), (2.0, 3.0)]


def test_wide_characters_take_two_columns_and_break_anywhere_but_before_a_full_stop() -> None:
    text = "今日は天気がいいですね公園へ散歩に行きましょ。それとも家で本を読みますか"
    ((first, second),) = lines(Segment(text, 0.0, 6.0))
    assert first + second == text
    assert max(len(first), len(second)) <= 21
    assert not second.startswith("。")


THAI = (
    "สวัสดีครับวันนี้เราจะมาพูดคุยกันเรื่องการถอดเสียงภาษาไทยซึ่งไม่มีการเว้นวรรคระหว่างคำทำให้การตัดบรรทัดเป็นเรื่องยากมาก"
    "สำหรับโปรแกรมคำบรรยาย"
)


@pytest.mark.parametrize("width", [10, 20, 42])
def test_no_line_of_thai_begins_or_ends_with_half_a_syllable(width: int) -> None:
    shown = cues(transcript(Segment(THAI, 0.0, 20.0)), limits=CueLimits(columns=width))
    lines = [line for cue in shown for line in cue.lines]
    assert "".join(lines) == THAI
    assert max(map(len, lines)) <= width
    assert not any(unicodedata.combining(line[0]) or line[0] in "ะาำิีึืุู็ๆ" for line in lines)
    assert not any(line[-1] in "เแโใไ" for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "好。" + "今天我们要讨论的是如何把很长的一段没有标点符号的文字" * 3,
        "字" * 45,
        "字" * 86,
        "はい。" + "か" * 44,
    ],
)
@pytest.mark.parametrize("seconds", [6.0, 9.0, 14.0])
def test_no_cue_of_a_long_chinese_or_japanese_sentence_goes_before_it_can_be_read(
    text: str, seconds: float
) -> None:
    shown = cues(transcript(Segment(text, 0.0, seconds)))
    assert len(shown) > 1
    assert min(cue.end - cue.start for cue in shown) >= 0.8


def test_words_that_are_parts_of_one_grapheme_are_one_cue() -> None:
    words = (Word("ค", 0.0, 0.5), Word("ำ", 0.5, 1.0), Word("e", 1.0, 1.5), Word("\u0301", 1.5, 2.0))
    shown = cues(transcript(Segment("คำe\u0301", 0.0, 2.0, words)), words=True)
    assert [(cue.lines[0], cue.start, cue.end) for cue in shown] == [("คำ", 0.0, 1.0), ("e\u0301", 1.0, 2.0)]


def test_lines_and_cues_keep_the_limits_that_are_given() -> None:
    text = "The quick brown fox jumps over the lazy dog, and then it goes home to sleep."
    shown = cues(transcript(Segment(text, 0.0, 4.0)), limits=CueLimits(columns=16, lines=3, seconds=2.5))
    assert shown[0].lines == ("The quick brown", "fox jumps over", "the lazy dog,")
    assert all(len(cue.lines) <= 3 and cue.end - cue.start <= 2.5 for cue in shown)


def test_hangul_is_broken_between_words() -> None:
    text = "오늘은 날씨가 참 좋네요 우리 같이 공원에 산책하러 갈까요 아니면 집에서"
    assert " ".join(line for cue in lines(Segment(text, 0.0, 6.0)) for line in cue) == text


def test_a_word_that_no_line_holds_is_broken() -> None:
    assert lines(Segment("x" * 100, 0.0, 9.0)) == [("x" * 42, "x" * 42), ("x" * 16,)] or lines(
        Segment("x" * 100, 0.0, 9.0)
    ) == [("x" * 42,), ("x" * 42, "x" * 16)]


def test_with_words_each_is_a_cue() -> None:
    timed = Segment("Hi there", 0.0, 3.0, (Word("Hi", 0.0, 1.0), Word("there", 2.0, 3.0)))
    assert cues(transcript(timed), words=True) == [Cue(0.0, 1.0, ("Hi",)), Cue(2.0, 3.0, ("there",))]
    assert lines(Segment("Hi there", 0.0, 3.0), words=True) == [("Hi",), ("there",)]


# Subtitles


DIALOGUE = transcript(
    Segment("Hi <b>Tom</b> & Ann --> go.", 0.0, 2.0, speaker="A"),
    Segment("No.", 360_000.5, 360_001.0, speaker="B"),
    Segment("Yes.", 360_002.0, 360_003.0, speaker="B"),
)


def test_subrip_names_a_speaker_where_another_begins() -> None:
    assert encode_srt(DIALOGUE) == (
        "1\n00:00:00,000 --> 00:00:02,000\nA: Hi <b>Tom</b> & Ann → go.\n\n"
        "2\n100:00:00,500 --> 100:00:01,300\nB: No.\n\n"
        "3\n100:00:02,000 --> 100:00:03,000\nYes.\n\n"
    )
    assert [each.content for each in srt.parse(encode_srt(DIALOGUE))] == [
        "A: Hi <b>Tom</b> & Ann → go.",
        "B: No.",
        "Yes.",
    ]


def test_webvtt_escapes_what_is_markup_and_has_voices() -> None:
    assert encode_vtt(DIALOGUE) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:02.000\n<v A>Hi &lt;b&gt;Tom&lt;/b&gt; &amp; Ann --&gt; go.\n\n"
        "100:00:00.500 --> 100:00:01.300\n<v B>No.\n\n"
        "100:00:02.000 --> 100:00:03.000\n<v B>Yes.\n\n"
    )
    read = webvtt.from_buffer(io.StringIO(encode_vtt(DIALOGUE)))
    assert [caption.voice for caption in read.captions] == ["A", "B", "B"]


def test_what_nobody_can_see_is_not_in_subtitles() -> None:
    hostile = transcript(Segment("a\x1b[31m\x00b\u202ec\ud800\u2028d\n\n2\n00:00 --> 1", 0.0, 1.0))
    for encoded in (encode_srt(hostile), encode_vtt(hostile), encode_tsv(hostile), encode_text(hostile)):
        assert not set(encoded) & set("\x1b\x00\u202e\ud800\u2028")
        encoded.encode()
    assert len(list(srt.parse(encode_srt(hostile)))) == 1
    assert len(webvtt.from_buffer(io.StringIO(encode_vtt(hostile))).captions) == 1


def test_nothing_said_is_a_valid_file() -> None:
    silence = transcript()
    assert (encode_text(silence), encode_srt(silence), encode_vtt(silence)) == ("", "", "WEBVTT\n\n")
    assert encode_tsv(silence) == "start\tend\ttext\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_webvtt_is_read_however_it_is_written(ending: str) -> None:
    text = (
        "\ufeffWEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE nothing\nmore\n\n"
        "first\n00:01.5 --> 00:02.000 align:start position:0%\n"
        "<v.loud Ann Lee>Hi <i>you</i> &amp; me\nbye\n\n"
        "01:00:00.000 --> 01:00:01,250\nlast"
    )
    assert decode_vtt(text.replace("\n", ending)) == [
        Cue(1.5, 2.0, ("Hi you & me", "bye"), "Ann Lee"),
        Cue(3600.0, 3601.25, ("last",)),
    ]


def test_subrip_is_read_though_empty_lines_are_missing() -> None:
    text = (
        "\ufeff1\n0:00:00,5 --> 0:00:01.000 X1:0\n{\\an8}<font color=red>Hi</font> <3\n"
        "2\n00:00:01,000 --> 00:00:02,000\nHo\n"
    )
    assert decode_srt(text) == [Cue(0.5, 1.0, ("Hi <3",)), Cue(1.0, 2.0, ("Ho",))]


# Tables and text


def test_a_table_has_whispers_columns_and_a_speaker_where_one_is_known() -> None:
    said = Segment("a\tb", 0.0, 1.2345, (Word("a", 0.0, 0.5), Word("b", 0.5, 1.2345)))
    assert encode_tsv(transcript(said)) == "start\tend\ttext\n0\t1234\ta b\n"
    assert encode_tsv(transcript(said), words=True) == "start\tend\ttext\n0\t500\ta\n500\t1234\tb\n"
    assert encode_tsv(DIALOGUE).splitlines()[::3] == [
        "start\tend\ttext\tspeaker",
        "360002000\t360003000\tYes.\tB",
    ]


def test_a_long_pause_and_another_speaker_begin_a_paragraph() -> None:
    said = (Segment("One.", 0.0, 1.0), Segment("Two.", 2.9, 3.0), Segment("Three.", 5.1, 6.0))
    assert encode_text(transcript(*said)) == "One. Two.\n\nThree.\n"
    asked = (Segment("Why?", 0.0, 1.0, speaker="A"), Segment("So.", 1.0, 2.0, speaker="B"))
    assert encode_text(transcript(*asked)) == "A: Why?\n\nB: So.\n"


def test_sentences_of_scripts_without_spaces_have_none_between_them() -> None:
    said = ("今日は晴れです。", "明日は雨です。", "OK", "はい", "안녕하세요.", "네.")
    segments = (Segment(text, float(place), place + 1.0) for place, text in enumerate(said))
    assert encode_text(transcript(*segments)) == "今日は晴れです。明日は雨です。 OK はい 안녕하세요. 네.\n"


# JSON


def test_json_has_everything_and_comes_back() -> None:
    whole = Transcript(
        segments=(
            Segment("Né", 0.0, 1.0004, (Word("Né", 0.1, 0.9, 0.5),), "A", 0.25),
            Segment("\ud800", 1.0, 2.0),
        ),
        duration=2.0,
        timing="word",
        language="fr",
        usage=Usage(input_tokens=3, input_seconds=2.5),
        notes=("cut off",),
    )
    text = encode_json(whole)
    text.encode()
    document = json.loads(text)
    assert document["schema"] == 1
    assert document["segments"][0] == {
        "start": 0.0,
        "end": 1.0,
        "text": "Né",
        "confidence": 0.25,
        "speaker": "A",
        "words": [{"start": 0.1, "end": 0.9, "text": "Né", "confidence": 0.5}],
    }
    assert "Né" in text
    decoded = decode_json(text)
    assert decoded.segments[1] == whole.segments[1]
    assert (decoded.usage, decoded.notes, decoded.language) == (whole.usage, whole.notes, "fr")
    assert encode_json(decoded) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema":2}',
        "[" * 100_000,
        '{"schema":1,"timing":"word","duration":NaN,"segments":[]}',
    ],
)
def test_json_that_is_no_transcript_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        decode_json(text)


def test_segments_come_back_by_themselves() -> None:
    segments = (Segment("a", 0.0, 1.0, (Word("a", 0.0, 1.0),), "B"),)
    assert segments_from_json(json.loads(json.dumps(segments_to_json(segments)))) == segments
    with pytest.raises(InputError):
        segments_from_json([{"text": 1, "start": 0, "end": 1}])
