"""Requests, answers and streams of transcription, as real services send them and as broken ones might."""

import json
from typing import Any

import pytest

from audiocli.chat import AudioBytes, AudioPart, TextDelta, Usage
from audiocli.errors import InputError, ProviderError, RejectedError, ReplyError
from audiocli.transcript import Segment, Transcript, TranscriptionRequest, Word
from audiocli.wire.openai.transcription import (
    Form,
    Shape,
    StreamDecoder,
    StreamEncoder,
    decode_answer,
    decode_request,
    decode_transcript,
    encode_request,
    encode_transcript,
    media_type,
    response_format_for,
)
from audiocli.wire.sse import EventDecoder
from tests.recorded import needs_recordings, recorded_json

WHISPER = ("json", "text", "srt", "verbose_json", "vtt")
DIARIZE = ("json", "text", "diarized_json")
HELLO = "Hello, world! This is a test."


def request(**members: Any) -> TranscriptionRequest:
    known: dict[str, Any] = {
        "model": "whisper-1",
        "audio": AudioPart(AudioBytes(b"RIFF"), "wav"),
        "duration": 2.0,
    }
    return TranscriptionRequest(**known | members)


def body(name: str) -> Any:
    return recorded_json(name)["response"]["body"]


def spoken(transcript: Transcript) -> list[tuple[str, float, float]]:
    return [(segment.text, segment.start, segment.end) for segment in transcript.segments]


# Requests


@pytest.mark.parametrize(
    ("known", "words", "speakers", "format"),
    [
        (WHISPER, False, False, "verbose_json"),
        (WHISPER, True, True, "verbose_json"),
        (DIARIZE, False, True, "diarized_json"),
        (DIARIZE, False, False, "diarized_json"),
        (("json",), True, True, "json"),
        (("text", "srt"), False, False, "srt"),
        ((), True, False, "json"),
    ],
)
def test_the_richest_format_is_asked_for(
    known: tuple[str, ...], words: bool, speakers: bool, format: str
) -> None:
    assert response_format_for(known, words=words, speakers=speakers) == format


def test_a_request_has_what_is_wanted_and_no_more() -> None:
    form = encode_request(request(), "json")
    assert form.fields == (("model", "whisper-1"), ("response_format", "json"))
    assert (form.file_field, form.file_name, form.media_type) == ("file", "audio.wav", "audio/wav")


def test_a_request_for_words_asks_for_segments_too() -> None:
    form = encode_request(request(words=True, language="en", prompt="Ada"), "verbose_json", stream=True)
    assert form.fields == (
        ("model", "whisper-1"),
        ("response_format", "verbose_json"),
        ("language", "en"),
        ("prompt", "Ada"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("stream", "true"),
    )


def test_a_long_recording_with_speakers_is_cut_by_the_service_and_goes_without_prompt() -> None:
    short = dict(encode_request(request(prompt="Ada", duration=30.0), "diarized_json").fields)
    long = dict(encode_request(request(prompt="Ada", duration=30.1), "diarized_json").fields)
    assert "chunking_strategy" not in short
    assert long["chunking_strategy"] == "auto"
    assert "prompt" not in long


def test_extra_fields_are_sent_as_they_are() -> None:
    extra = {"model": "other", "temperature": 0.5, "keywords": ["a", "b"], "vad": {"x": True}, "no": None}
    form = encode_request(request(extra=extra), "json")
    assert form.fields == (
        ("model", "other"),
        ("response_format", "json"),
        ("temperature", "0.5"),
        ("keywords[]", "a"),
        ("keywords[]", "b"),
        ("vad", '{"x": true}'),
    )


def test_a_file_of_opus_is_named_as_ogg() -> None:
    audio = AudioPart(AudioBytes(b"OggS"), "opus")
    assert encode_request(request(audio=audio), "json").file_name == "audio.ogg"


def test_a_request_is_decoded_as_it_was() -> None:
    sent = request(words=True, language="de", prompt="Ada", extra={"temperature": "0.5", "include[]": ("x",)})
    received, shape = decode_request(encode_request(sent, "verbose_json", stream=True), 2.0)
    assert received == sent
    assert shape == Shape("verbose_json", True, ("word", "segment"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ((), "'model'"),
        ((("model", "m"), ("response_format", "xml")), "'response_format'"),
        ((("model", "m"), ("stream", "maybe")), "'stream'"),
        ((("model", "m"), ("timestamp_granularities[]", "letter")), "'timestamp_granularities'"),
        ((("model", "m"), ("timestamp_granularities[]", "word")), "must be `verbose_json`"),
        (
            (("model", "m"), ("response_format", "srt"), ("timestamp_granularities", "segment")),
            "must be `verbose_json`",
        ),
    ],
)
def test_a_request_that_cannot_be_is_refused(fields: tuple[tuple[str, str], ...], said: str) -> None:
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        decode_request(Form(fields, AudioBytes(b""), "a.wav", "audio/wav"), 1.0)


# Recorded answers


@needs_recordings
def test_words_of_whisper_are_given_the_punctuation_of_their_text() -> None:
    document = body("openai-audio-endpoints/transcription-words-segments.json")["json"]
    transcript = decode_transcript(document, 1.7)
    assert transcript.timing == "word"
    assert transcript.language == "english"
    assert transcript.usage == Usage(input_seconds=2)
    (segment,) = transcript.segments
    assert segment.text == HELLO
    assert [word.text for word in segment.words] == ["Hello,", "world!", "This", "is", "a", "test."]
    assert segment.confidence == pytest.approx(0.6056)


@needs_recordings
@pytest.mark.parametrize("name", ["words-segments", "verbose-json"])
def test_a_recorded_verbose_answer_is_encoded_as_it_was(name: str) -> None:
    document = body(f"openai-audio-endpoints/transcription-{name}.json")["json"]
    granularities = ("word", "segment") if "words" in document else ()
    transcript = decode_transcript(document, 5.0)
    encoded = json.loads(encode_transcript(transcript, Shape("verbose_json", False, granularities)))
    assert list(encoded) == list(document)
    (segment,), (sent,) = encoded["segments"], document["segments"]
    assert list(segment) == list(sent)
    for name in ("id", "seek", "start", "end", "text"):
        assert segment[name] == sent[name]
    assert segment["avg_logprob"] == pytest.approx(sent["avg_logprob"], abs=0.001)
    assert segment["compression_ratio"] == pytest.approx(sent["compression_ratio"], abs=0.1)
    for member in ("task", "language", "text", "words", "usage"):
        assert encoded.get(member) == document.get(member)


@needs_recordings
def test_a_recorded_answer_with_speakers_is_encoded_as_it_was() -> None:
    document = body("openai-audio-endpoints/transcription-diarized.json")["json"]
    transcript = decode_transcript(document, 6.4)
    assert [segment.speaker for segment in transcript.segments] == ["A", "B", "A"]
    assert transcript.timing == "segment"
    assert transcript.usage == Usage(input_tokens=64, output_tokens=224, input_audio_tokens=64)
    encoded = json.loads(encode_transcript(transcript, Shape("diarized_json")))
    assert encoded == {"task": "transcribe", "duration": 6.4} | document


@needs_recordings
@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_recorded_subtitles_are_decoded_and_encoded_as_they_were(kind: str) -> None:
    sent = "".join(body(f"openai-audio-endpoints/transcription-{kind}.json")["parts"]).encode()
    transcript = decode_answer(sent, 2.0)
    assert spoken(transcript) == [(HELLO, 0.0, 2.0)]
    assert transcript.timing == "segment"
    assert encode_transcript(transcript, Shape(kind)) == sent
    assert media_type(kind) == "text/plain; charset=utf-8"


@needs_recordings
def test_a_recorded_stream_is_decoded_and_encoded_as_it_was() -> None:
    sent = "".join(body("openai-audio-endpoints/transcription-stream.json")["parts"]).encode()
    *deltas, transcript = decode_stream(sent, 1.7)
    assert isinstance(transcript, Transcript)
    assert all(isinstance(delta, TextDelta) for delta in deltas)
    assert spoken(transcript) == [("Hello world, this is a test.", 0.0, 1.7)]
    assert transcript.timing == "piece"
    encoder = StreamEncoder(Shape("json", stream=True))
    encoded = b"".join(chunk for event in [*deltas, transcript] for chunk in encoder.encode(event))
    assert encoded == sent.replace(b"\r\n", b"\n")


@needs_recordings
def test_answers_without_times_are_one_piece() -> None:
    ruby = "Ruby is a programming language designed for developer happiness."
    mistral = decode_transcript(body("other-providers/mistral-transcription.json")["json"], 3.7)
    assert spoken(mistral) == [(ruby, 0.0, 3.7)]
    assert mistral.timing == "piece"
    assert mistral.usage == Usage(input_tokens=378, output_tokens=11, input_audio_tokens=375, input_seconds=3)
    router = decode_transcript(body("other-providers/openrouter-transcription.json")["json"], 3.7)
    assert (router.text, router.usage) == (ruby, Usage(input_tokens=37, output_tokens=12, cost=0.00010625))


@needs_recordings
def test_a_recorded_refusal_is_raised() -> None:
    document = body("openai-audio-endpoints/transcription-bad-request-400.json")["json"]
    with pytest.raises(ProviderError, match="Invalid language"):
        decode_transcript(document, 1.0)


# Other services


def word(text: str, start: Any, end: Any, **members: Any) -> dict[str, Any]:
    return {"text": text, "start": start, "end": end, **members}


def test_words_alone_become_segments_at_speakers_pauses_and_sentences() -> None:
    words = [
        word("Hi.", 0.0, 0.4, speaker=0),
        word("Who", 0.5, 0.7, speaker=0),
        word("are", 2.0, 2.2, speaker=0),
        word("you", 2.3, 2.4, speaker=0),
        word("me", 2.5, 2.9, speaker=1),
    ]
    transcript = decode_transcript({"text": "Hi. Who are you me", "language": "en", "words": words}, 3.0)
    assert [(segment.text, segment.speaker) for segment in transcript.segments] == [
        ("Hi.", "0"),
        ("Who", "0"),
        ("are you", "0"),
        ("me", "1"),
    ]
    assert transcript.timing == "word"


def test_the_spaces_that_elevenlabs_lists_are_no_words() -> None:
    words = [
        word("Hello", 0.0, 0.5, type="word", speaker_id="speaker_0", logprob=-0.1),
        word(" ", 0.5, 0.6, type="spacing"),
        word("there.", 0.6, 1.0, type="word", speaker_id="speaker_0"),
    ]
    document = {"language_code": "eng", "text": "Hello there.", "words": words}
    transcript = decode_transcript(document, 1.0)
    (segment,) = transcript.segments
    assert (segment.text, segment.speaker, transcript.language) == ("Hello there.", "speaker_0", "eng")
    assert segment.words[0] == Word("Hello", 0.0, 0.5, 0.9048)


def test_words_of_a_language_without_spaces_are_joined_as_its_text_is() -> None:
    words = [word("今日", 0, 1), word("は", 1, 2), word("晴れ", 2, 3), word("です", 3, 4)]
    transcript = decode_transcript({"text": "今日は晴れです。", "words": words}, 4.0)
    assert [segment.text for segment in transcript.segments] == ["今日は晴れです。"]


def test_mistrals_segments_that_are_words_are_words() -> None:
    segments = [word("Good", 0.0, 0.2, score=0.9), word("day.", 0.3, 0.5), word("Bye.", 0.6, 0.9)]
    transcript = decode_transcript({"text": "Good day. Bye.", "segments": segments}, 1.0)
    assert [segment.text for segment in transcript.segments] == ["Good day.", "Bye."]
    assert transcript.segments[0].words[0] == Word("Good", 0.0, 0.2, 0.9)


def test_togethers_own_list_of_speakers_is_used() -> None:
    document = {
        "text": "Hello. Oh, hey.",
        "segments": [word("Hello. Oh, hey.", 0, 2)],
        "speaker_segments": [
            word("Hello.", 0, 1, speaker_id="SPEAKER_01"),
            word("Oh, hey.", 1, 2, speaker_id="SPEAKER_00"),
        ],
    }
    assert [each.speaker for each in decode_transcript(document, 2.0).segments] == [
        "SPEAKER_01",
        "SPEAKER_00",
    ]


def test_a_segment_holds_the_words_that_it_lists() -> None:
    segments = [word("Hi, you.", 0, 2, words=[word(" Hi", 0, 1, probability=0.5), word(" you", 1, 2)])]
    (segment,) = decode_transcript({"segments": segments}, 2.0).segments
    assert segment.words == (Word("Hi,", 0, 1, 0.5), Word("you.", 1, 2))


def test_what_whisper_made_up_of_silence_is_left_out() -> None:
    silent = word(" Thank you.", 0, 2, no_speech_prob=0.9, avg_logprob=-1.4)
    transcript = decode_transcript({"text": "Thank you.", "segments": [silent]}, 2.0)
    assert transcript.segments == ()


# Times that make no sense


def test_times_that_are_missing_lie_between_their_neighbours() -> None:
    segments = [
        word("aa bb", 0, 1),
        word("cc dd", None, None),
        word("ee ff", float("nan"), 3),
        word("gg hh", 3, 4),
    ]
    transcript = decode_transcript({"segments": segments}, 4.0)
    assert spoken(transcript) == [("aa bb", 0, 1), ("cc dd", 1, 2), ("ee ff", 2, 3), ("gg hh", 3, 4)]


def test_times_are_put_in_order_and_kept_within_the_sound() -> None:
    segments = [word("c d", 3, 99), word("a b", -1, 2), word("b c", "1.5", 1.0)]
    transcript = decode_transcript({"segments": segments}, 4.0)
    assert spoken(transcript) == [("a b", 0, 1.5), ("b c", 1.5, 1.5), ("c d", 3, 4)]


def test_people_may_speak_at_once() -> None:
    segments = [
        word("a b", 0, 10, speaker="A"),
        word("c d", 2, 3, speaker="B"),
        word("e f", 5, 12, speaker="A"),
    ]
    transcript = decode_transcript({"segments": segments}, 20.0)
    assert spoken(transcript) == [("a b", 0, 5), ("c d", 2, 3), ("e f", 5, 12)]


def test_words_go_to_the_segment_whose_text_has_them() -> None:
    words = [word("one", 0, 1), word("two", 1, 2.2), word("three", 2.2, 3)]
    segments = [word("One? No, one two.", 0, 2), word("Three!", 2, 3)]
    words[2]["text"] = "Three"
    transcript = decode_transcript({"segments": segments, "words": words}, 3.0)
    assert [[each.text for each in segment.words] for segment in transcript.segments] == [
        ["One? No, one", "two."],
        ["Three!"],
    ]


def test_words_that_are_not_in_the_text_go_to_the_segment_of_their_time() -> None:
    words = [word("uno", 0, 1), word("dos", 1, 2), word("tres", 2, 3)]
    transcript = decode_transcript(
        {"segments": [word("one two", 0, 2), word("three", 2, 3)], "words": words}, 3.0
    )
    assert [len(segment.words) for segment in transcript.segments] == [2, 1]


# Bodies


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"Hello there.\n", ["Hello there."]),
        (b'"Hello there."', ["Hello there."]),
        (b'"Hello," he said.', ['"Hello," he said.']),
        (b"[Music]", ["[Music]"]),
        (b"\n", []),
        (b"\xef\xbb\xbfWEBVTT\n\n00:00.000 --> 00:01.000\n<v Ann>Hi &amp; bye\n", ["Hi & bye"]),
        (b"1\r\n00:00:00,000 --> 00:00:01,000\r\nHi\r\nthere\r\n", ["Hi there"]),
        (b"caf\xe9", ["caf\ufffd"]),
        (b'{"text": "half \\ud83d"}', ["half \ufffd"]),
        (b'{"type":"transcript.text.done","text":"Hi"}', ["Hi"]),
    ],
)
def test_a_body_says_itself_what_it_is(sent: bytes, said: list[str]) -> None:
    assert [segment.text for segment in decode_answer(sent, 2.0).segments] == said


@pytest.mark.parametrize("sent", [b"", b"{", b"{}", b'{"text": 1}', b"<!DOCTYPE html><p>Hi", b'{"id": 1}'])
def test_what_is_no_transcript_is_refused(sent: bytes) -> None:
    with pytest.raises(ReplyError):
        decode_answer(sent, 1.0)


# Streams


def decode_stream(sent: bytes, duration: float) -> list[Any]:
    lines, decoder = EventDecoder(), StreamDecoder(duration)
    deltas = [delta for payload in lines.feed(sent) for delta in decoder.feed(payload)]
    return [*deltas, *decoder.close()]


def events(*documents: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


def test_a_stream_of_mistral_is_understood() -> None:
    *deltas, transcript = decode_stream(
        events(
            {"type": "transcription.language", "audio_language": "en"},
            {"type": "transcription.text.delta", "text": "Good day."},
            {
                "type": "transcription.segment",
                "text": "Good day.",
                "start": 0.1,
                "end": 0.9,
                "speaker_id": "s1",
            },
            {
                "type": "transcription.done",
                "text": "Good day.",
                "language": None,
                "segments": [],
                "usage": {},
            },
        ),
        1.0,
    )
    assert deltas == [TextDelta("Good day.")]
    assert transcript.segments == (Segment("Good day.", 0.1, 0.9, speaker="s1"),)
    assert (transcript.language, transcript.timing) == ("en", "segment")


def test_a_stream_in_the_form_of_a_chat_is_understood() -> None:
    def chunk(**choice: Any) -> dict[str, Any]:
        return {"object": "transcription.chunk", "choices": [choice]}

    *deltas, transcript = decode_stream(
        events(
            chunk(delta={"content": "Good"}), chunk(delta={"content": " day"}), chunk(finish_reason="stop")
        ),
        1.0,
    )
    assert deltas == [TextDelta("Good"), TextDelta(" day")]
    assert transcript.text == "Good day"


def test_segments_that_come_without_words_before_them_are_told_as_they_come() -> None:
    *deltas, transcript = decode_stream(
        events(
            {"type": "transcript.text.segment", "text": " Hi.", "start": 0, "end": 1, "speaker": "A"},
            {"type": "transcript.text.segment", "text": " Ho.", "start": 1, "end": 2, "speaker": "B"},
            {"type": "transcript.text.done", "text": "Hi. Ho."},
        ),
        2.0,
    )
    assert deltas == [TextDelta("Hi."), TextDelta(" Ho.")]
    assert [segment.speaker for segment in transcript.segments] == ["A", "B"]


def test_a_stream_that_is_cut_off_is_no_transcript() -> None:
    with pytest.raises(ReplyError, match="cut off"):
        decode_stream(events({"type": "transcript.text.delta", "delta": "Hel"}), 1.0)


def test_an_error_in_a_stream_is_raised() -> None:
    error = {"error": {"message": "too long", "code": 400}}
    with pytest.raises(RejectedError, match="too long"):
        decode_stream(events({"type": "transcript.text.delta", "delta": "Hel"}, error), 1.0)


def test_a_stream_with_speakers_is_decoded_as_it_was() -> None:
    sent = Transcript(
        segments=(Segment("Hi.", 0.0, 1.0, speaker="A"), Segment("Ho.", 1.0, 2.0, speaker="B")),
        duration=2.0,
        timing="segment",
        usage=Usage(input_seconds=2),
    )
    encoded = b"".join(StreamEncoder(Shape("diarized_json", stream=True)).encode(sent))
    assert decode_stream(encoded, 2.0) == [TextDelta("Hi. Ho."), sent]
