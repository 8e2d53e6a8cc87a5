"""Whatever is said, at whatever times, subtitles are valid, and transcripts come back as they were."""

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import regex
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocli.chat import TextDelta, Usage
from audiocli.errors import ProviderError
from audiocli.subtitles.captions import (
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
)
from audiocli.subtitles.prose import columns, graphemes, plain
from audiocli.transcript import Segment, Transcript, Word
from audiocli.wire.openai.transcription import (
    Shape,
    StreamDecoder,
    decode_answer,
    decode_transcript,
    encode_transcript,
)

ODD = st.text(
    st.characters()
    | st.sampled_from(
        "\x00\x1b\x85\u200f\u202e\u2028\ud800\udc00\n\t<>&-,.。、「」今日オ👩\u200d\u0301ש \ufeff"
    )
)
PROSE = st.lists(st.text("abcdefghij", min_size=1, max_size=12), min_size=1, max_size=60).map(" ".join)
TEXTS = ODD | PROSE | st.sampled_from(["-->", "1\n00:00:00,000 --> 00:00:01,000\n", "x" * 300, "字" * 200])
TIMES = st.floats(min_value=0, max_value=50) | st.floats() | st.sampled_from([0.0, 359999.9995])
WORDS = st.builds(Word, TEXTS, TIMES, TIMES)
ANY = st.builds(
    Transcript,
    segments=st.lists(
        st.builds(
            Segment,
            TEXTS,
            TIMES,
            TIMES,
            st.lists(WORDS, max_size=4).map(tuple),
            st.none() | TEXTS,
        ),
        max_size=5,
    ).map(tuple),
    duration=TIMES,
)


LIMITS = st.builds(CueLimits, st.integers(10, 60), st.integers(1, 4), st.floats(0.5, 20)) | st.just(
    CueLimits()
)


def fits(line: str, limits: CueLimits) -> bool:
    """A line within the limit, or one that a single grapheme is too wide for."""
    return columns(line) <= limits.columns or len(graphemes(line.rpartition(": ")[2])) == 1


@settings(deadline=None)
@given(ANY, st.booleans(), LIMITS)
def test_cues_fit_the_screen_in_order(transcript: Transcript, words: bool, limits: CueLimits) -> None:
    shown = cues(transcript, words=words, limits=limits)
    speaker = None
    for cue in shown:
        label = f"{cue.speaker}: " if cue.speaker and cue.speaker != speaker else ""
        speaker = cue.speaker
        assert 1 <= len(cue.lines) <= limits.lines
        assert all(line and line == line.strip() for line in cue.lines)
        assert all(fits(line, limits) for line in (label + cue.lines[0], *cue.lines[1:]))
        assert 0 < cue.end - cue.start <= limits.seconds + 0.0001
    assert all(cue.end <= following.start for cue, following in pairwise(shown))


@settings(deadline=None)
@given(ANY)
def test_cues_hold_every_letter(transcript: Transcript) -> None:
    said = "".join("".join(cue.lines) for cue in cues(transcript))
    assert said.replace(" ", "") == "".join(plain(each.text) for each in transcript.segments).replace(" ", "")


SCRIPTS = st.lists(
    st.text("กขคงเแโใไำะาิ่้๊ๆ ", min_size=1)
    | st.text("ກຂເແໂຳະາ່", min_size=1)
    | st.text("क्षत्रिि्\u200d", min_size=1)
    | st.text("நிகொ்", min_size=1)
    | st.text("ကျွန်တော်", min_size=1)
    | st.text("ខ្ញុំស្រលាញ់", min_size=1)
    | st.text("\u1112\u1161\u11ab한글", min_size=1)
    | st.text("か\u3099葛\U000e0100今。「」", min_size=1)
    | st.text("e\u0301\u0323 a", min_size=1)
    | st.lists(
        st.sampled_from(["👨\u200d👩\u200d👧", "🇩🇪", "🇫🇷", "❤\ufe0f\u200d🔥", "👍🏽", "1\ufe0f\u20e3"])
    ).map("".join),
    max_size=12,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(SCRIPTS, LIMITS, st.floats(0, 30))
def test_no_line_ends_within_a_grapheme(text: str, limits: CueLimits, end: float) -> None:
    said = plain(text)
    parts = regex.findall(r"\X", said)
    if any(len(part) > 10 for part in parts):
        return  # Nobody writes so many marks on one letter.
    inside = {
        place
        for part, end in zip(parts, accumulate(map(len, parts)), strict=True)
        for place in range(end - len(part) + 1, end)
    }
    place = 0
    for cue in cues(Transcript(segments=(Segment(said, 0.0, end),), duration=end), limits=limits):
        for line in cue.lines:
            place = said.index(line, place)
            assert place not in inside
            place += len(line)
            assert place not in inside


@settings(deadline=None)
@given(ANY, st.booleans())
def test_other_readers_find_the_cues_in_subrip(transcript: Transcript, words: bool) -> None:
    shown, text = cues(transcript, words=words), encode_srt(transcript, words=words)
    text.encode()
    read = list(srt.parse(text))
    assert [each.index for each in read] == list(range(1, len(shown) + 1))
    assert [(each.start.total_seconds(), each.end.total_seconds()) for each in read] == [
        (cue.start, cue.end) for cue in shown
    ]
    assert [(cue.start, cue.end) for cue in decode_srt(text)] == [(cue.start, cue.end) for cue in shown]


@settings(deadline=None)
@given(ANY, st.booleans())
def test_other_readers_find_the_cues_in_webvtt(transcript: Transcript, words: bool) -> None:
    shown, text = cues(transcript, words=words), encode_vtt(transcript, words=words)
    text.encode()
    read = webvtt.from_buffer(io.StringIO(text)).captions
    assert [(each.start_in_seconds, each.end_in_seconds) for each in read] == [
        (math.floor(cue.start), math.floor(cue.end)) for cue in shown
    ]
    assert [cue.lines for cue in decode_vtt(text)] == [cue.lines for cue in shown]


@settings(deadline=None)
@given(ANY, st.booleans())
def test_tables_and_text_have_no_more_rows_than_they_should(transcript: Transcript, words: bool) -> None:
    rows = encode_tsv(transcript, words=words).splitlines()
    expected = sum(len(each.words) or 1 if words else 1 for each in transcript.segments)
    assert len(rows) == 1 + expected
    assert len({row.count("\t") for row in rows}) == 1
    assert all(int(start) <= int(end) for start, end, *_ in (row.split("\t") for row in rows[1:]))
    encode_text(transcript).encode()


@settings(deadline=None)
@given(ANY)
def test_json_comes_back_as_it_was(transcript: Transcript) -> None:
    text = encode_json(transcript)
    json.loads(text.encode(), parse_constant=lambda name: 1 / 0)
    assert text.count("\n") == 1
    decoded = decode_json(text)
    assert encode_json(decoded) == text
    assert [each.text for each in decoded.segments] == [each.text for each in transcript.segments]


@given(ODD)
def test_any_text_is_read_as_subtitles(text: str) -> None:
    for decode in (decode_srt, decode_vtt):
        assert all(cue.start >= 0 for cue in decode(text))


# Services

NUMBERS = TIMES | st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, "1.5", "x", [], {}])
NAMES = ("text", "word", "start", "end", "speaker", "speaker_id", "words", "segments", "confidence", "type")
TELLING = (
    NUMBERS
    | TEXTS
    | st.sampled_from(["transcript.text.delta", "transcription.segment", "transcript.text.done"])
)
VALUES = st.recursive(
    TELLING,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
SPOKEN = st.fixed_dictionaries(
    {"text": TEXTS, "start": NUMBERS, "end": NUMBERS},
    optional={"speaker": TELLING, "avg_logprob": NUMBERS, "no_speech_prob": NUMBERS, "words": VALUES},
)
DOCUMENTS = st.fixed_dictionaries(
    {"text": TEXTS},
    optional={
        "segments": st.lists(SPOKEN, max_size=4) | VALUES,
        "words": st.lists(SPOKEN, max_size=6) | VALUES,
        "usage": VALUES | st.dictionaries(st.sampled_from(["seconds", "total_tokens"]), NUMBERS),
        "language": TELLING,
        "languages": VALUES,
    },
) | st.dictionaries(st.sampled_from([*NAMES, "delta", "choices", "error"]), VALUES, max_size=5)


def in_order(transcript: Transcript) -> None:
    starts = [segment.start for segment in transcript.segments]
    assert starts == sorted(starts)
    for segment in transcript.segments:
        times = [
            segment.start,
            *(time for word in segment.words for time in (word.start, word.end)),
            segment.end,
        ]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= transcript.duration
        segment.text.encode()
    spoken: dict[str | None, float] = {}
    for segment in transcript.segments:
        assert spoken.get(segment.speaker, 0.0) <= segment.start
        spoken[segment.speaker] = segment.end


def tidy(decode: Callable[[], Transcript]) -> None:
    """A transcript in order, or one of our errors in one line."""
    said = "nothing"
    try:
        transcript = decode()
    except ProviderError as error:
        said = str(error)
    else:
        in_order(transcript)
        encode_json(transcript).encode()
    assert said.isprintable()


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS, st.floats(min_value=0, max_value=1e5))
def test_any_document_is_a_transcript_in_order_or_an_error_of_ours(
    document: dict[str, Any], duration: float
) -> None:
    tidy(lambda: decode_transcript(document, duration))


BODIES = st.binary() | TEXTS.map(lambda text: text.encode("utf-8", "replace"))


@settings(deadline=None)
@given(BODIES, st.floats(min_value=0, max_value=1e5))
def test_any_body_is_a_transcript_in_order_or_an_error_of_ours(body: bytes, duration: float) -> None:
    tidy(lambda: decode_answer(body, duration))


EVENTS = DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.just(b"[DONE]")


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=5))
def test_any_events_are_a_transcript_or_an_error_of_ours(payloads: list[bytes]) -> None:
    def decode() -> Transcript:
        decoder = StreamDecoder(9.0)
        for payload in payloads:
            assert all(isinstance(delta, TextDelta) for delta in decoder.feed(payload))
        (transcript,) = decoder.close()
        return transcript

    tidy(decode)


@st.composite
def timed(draw: st.DrawFn) -> Transcript:
    """A transcript as it should be: in order, its words those of its text."""
    segments, now = list[Segment](), 0
    for speaker in draw(st.lists(st.sampled_from(["A", "B"]), max_size=4)):
        words = list[Word]()
        for text in draw(
            st.lists(
                st.text("abcé,.", min_size=1, max_size=6).filter(lambda text: text.strip(".,")),
                min_size=2,
                max_size=5,
            )
        ):
            start = now + draw(st.integers(min_value=0, max_value=900))
            now = start + draw(st.integers(min_value=1, max_value=900))
            words.append(Word(text, start / 1000, now / 1000))
        text = " ".join(word.text for word in words)
        segments.append(Segment(text, words[0].start, words[-1].end, tuple(words), speaker))
    return Transcript(
        segments=tuple(segments),
        duration=100.0,
        timing="word" if segments else "piece",
        language=draw(st.none() | st.just("de")),
        usage=draw(
            st.none() | st.builds(Usage, input_tokens=st.integers(1, 99)) | st.just(Usage(input_seconds=7))
        ),
    )


@settings(deadline=None)
@given(timed())
def test_a_transcript_with_words_is_decoded_as_it_was(sent: Transcript) -> None:
    body = encode_transcript(sent, Shape("verbose_json", False, ("word", "segment")))
    nameless = tuple(replace(segment, speaker=None) for segment in sent.segments)
    assert decode_answer(body, sent.duration) == replace(sent, segments=nameless)


@settings(deadline=None)
@given(timed())
def test_a_transcript_with_speakers_is_decoded_as_it_was(sent: Transcript) -> None:
    body = encode_transcript(sent, Shape("diarized_json"))
    wordless = tuple(replace(segment, words=()) for segment in sent.segments)
    received = decode_answer(body, sent.duration)
    assert received.timing == ("segment" if wordless else "piece")
    assert replace(received, timing=sent.timing) == replace(sent, segments=wordless, language=None)
