"""A question becomes a request that the model can answer; an answer is taken down, and its cost known."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import pytest

from audiocli.audio.formats import Format
from audiocli.audio.recording import Recording
from audiocli.catalog import Capabilities, Prices, lookup
from audiocli.catalog.facts import Tier
from audiocli.chat import (
    AudioBytes,
    AudioDelta,
    AudioPart,
    ChatRequest,
    Event,
    Finished,
    Message,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.client import Answer, Cost, Question, ask, compose, cost, estimate
from audiocli.errors import CapabilityError, OutputError, ProviderError, RejectedError, ReplyError, UsageError
from audiocli.providers.target import Target

CLIP = AudioPart(AudioBytes(b"RIFF"), "wav")
SPEAKER = Target("openai", "gpt-audio-1.5", lookup("gpt-audio-1.5"))
WRITER = Target("openai", "gpt-4o", lookup("gpt-4o"))
STREAMER = Target("openai", "qwen3.5-omni-plus", lookup("qwen3.5-omni-plus"))
RETIRED = Target("openai", "gpt-audio-mini-2025-10-06", lookup("gpt-audio-mini-2025-10-06"))
TODAY = "2026-11-23"
STRANGER = Target("openai", "unheard-of", None)
REQUEST = ChatRequest(model="m", messages=(Message("user", (TextPart("hi"),)),))
SPOKEN = compose(Question(prompt="hi", output="wav"), SPEAKER)


def test_a_question_becomes_a_request() -> None:
    question = Question(prompt="Who?", audio=(CLIP,), system="Be brief", output="wav", voice="coral", seed=7)
    request = compose(question, SPEAKER)
    assert request.messages == (
        Message("system", (TextPart("Be brief"),)),
        Message("user", (TextPart("Who?"), CLIP)),
    )
    assert request.audio is not None
    assert (request.audio.voice, request.audio.format, request.stream) == ("coral", "pcm16", True)
    assert (request.model, request.seed) == ("gpt-audio-1.5", 7)


@pytest.mark.parametrize(
    ("question", "target", "spoken"),
    [
        (Question(prompt="hi"), SPEAKER, True),  # it refuses a conversation without any audio
        (Question(prompt="hi", audio=(CLIP,)), SPEAKER, False),
        (Question(audio=(CLIP,), output="wav"), SPEAKER, True),
        (Question(audio=(CLIP,), text_only=True), SPEAKER, False),
        (Question(prompt="hi"), WRITER, False),
        (Question(prompt="hi"), STRANGER, False),
        (Question(prompt="hi", output="wav"), STRANGER, True),
    ],
)
def test_sound_is_asked_for_where_it_is_wanted_or_needed(
    question: Question, target: Target, spoken: bool
) -> None:
    assert (compose(question, target).audio is not None) is spoken


@pytest.mark.parametrize(
    ("output", "stream", "wire"),
    [
        ("wav", None, "pcm16"),
        ("mp3", None, "pcm16"),
        ("wav", False, "wav"),
        ("mp3", False, "mp3"),
        ("opus", False, "opus"),
        ("ogg", False, "opus"),
        ("flac", False, "flac"),
        ("pcm", False, "pcm16"),
    ],
)
def test_the_service_is_asked_for_what_needs_the_least_conversion(
    output: Format, stream: bool | None, wire: str
) -> None:
    request = compose(Question(prompt="hi", output=output, stream=stream), SPEAKER)
    assert request.audio is not None
    assert request.audio.format == wire


@pytest.mark.parametrize(
    ("question", "target", "error"),
    [
        (Question(), SPEAKER, UsageError),
        (Question(prompt="hi", output="wav", text_only=True), SPEAKER, UsageError),
        (Question(prompt="hi", text_only=True), SPEAKER, CapabilityError),
        (Question(audio=(CLIP,)), WRITER, CapabilityError),
        (Question(prompt="hi", output="wav"), WRITER, CapabilityError),
        (Question(prompt="hi", voice="nobody"), SPEAKER, CapabilityError),
        (Question(prompt="hi"), RETIRED, CapabilityError),
        (Question(prompt="hi", output="wav", stream=False), STREAMER, CapabilityError),
        (Question(audio=(AudioPart(AudioBytes(bytes(8_000_000)), "wav"),)), STREAMER, CapabilityError),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    question: Question, target: Target, error: type[Exception]
) -> None:
    with pytest.raises(error):
        compose(question, target, today=TODAY)
    if error is CapabilityError:
        assert compose(replace(question, force=True), target, today=TODAY).model == target.model


def test_a_model_that_speaks_only_in_a_stream_may_write_in_another_way() -> None:
    request = compose(Question(audio=(CLIP,), stream=False), STREAMER, today=TODAY)
    assert (request.audio, request.stream) == (None, False)


def test_a_model_that_is_still_there_is_asked() -> None:
    assert compose(Question(prompt="hi"), RETIRED, today="2026-07-22").model == RETIRED.model


@dataclass
class Scripted:
    """A provider that says what it is told, and raises at the end if it is told to."""

    events: tuple[Event, ...]
    error: Exception | None = None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        for event in self.events:
            yield event
        if self.error:
            raise self.error


@dataclass
class Tape:
    """A recorder that remembers."""

    fails: bool = False
    data: bytes = b""
    ended: list[str] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        if self.fails:
            raise OutputError("the disk is full")
        self.data += data

    def finish(self) -> Recording:
        self.ended.append("finished")
        return Recording("tape", "wav")

    def abandon(self) -> str | None:
        self.ended.append("abandoned")
        return "tape.partial.wav" if self.data else None


def asked(
    *events: Event, error: Exception | None = None, tape: Tape | None = None, request: ChatRequest = SPOKEN
) -> Answer:
    return asyncio.run(ask(Scripted(events, error), request, recorder=tape))


def test_an_answer_is_taken_down() -> None:
    tape, finished = Tape(), Finished(id="chatcmpl-1", usage=Usage(1, 2))
    answer = asked(
        TranscriptDelta("Yes"),
        AudioDelta(b"ab"),
        TranscriptDelta("."),
        AudioDelta(b"cd"),
        finished,
        tape=tape,
    )
    assert (answer.text, tape.data, answer.finished) == ("Yes.", b"abcd", finished)
    assert tape.ended == ["finished"]
    assert answer.timings.first_text is not None
    assert answer.timings.first_audio is not None
    assert answer.timings.first_text <= answer.timings.first_audio <= answer.timings.total


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ((Finished(),), ReplyError),
        ((TextDelta("no sound"), Finished()), ReplyError),
        ((AudioDelta(b"ab"), Finished(finish_reason="content_filter")), RejectedError),
        ((AudioDelta(b"ab"), Finished(refusal="I would rather not")), RejectedError),
        ((AudioDelta(b"ab"), Finished(finish_reason="tool_calls")), ReplyError),
    ],
)
def test_an_answer_that_is_none_is_an_error(events: tuple[Event, ...], error: type[ProviderError]) -> None:
    tape = Tape()
    with pytest.raises(error):
        asked(*events, tape=tape)
    assert tape.ended == ["abandoned"]


def test_an_answer_of_words_alone_may_have_no_sound() -> None:
    assert asked(TextDelta("words"), Finished(), request=REQUEST).text == "words"
    with pytest.raises(ReplyError, match="empty"):
        asked(Finished(), request=REQUEST)


def test_what_has_come_is_kept_and_the_error_says_where() -> None:
    with pytest.raises(ProviderError) as caught:
        asked(AudioDelta(b"ab"), error=ProviderError("the line is cut"), tape=Tape())
    assert caught.value.__notes__ == ["what was received is kept as 'tape.partial.wav'"]
    with pytest.raises(ProviderError) as caught:
        asked(error=ProviderError("the line is cut"), tape=Tape())
    assert not hasattr(caught.value, "__notes__")


def test_words_are_shown_even_where_their_sound_cannot_be_written() -> None:
    shown: list[Event] = []
    events = (TranscriptDelta("a"), AudioDelta(b"ab"), TranscriptDelta("b"), Finished())
    with pytest.raises(OutputError, match="disk is full"):
        asyncio.run(ask(Scripted(events), SPOKEN, recorder=Tape(fails=True), show=shown.append))
    assert shown == list(events)


def test_tokens_cost_what_the_table_says() -> None:
    prices = Prices(text_in=2.5, text_out=10, audio_in=32, audio_out=64)
    usage = Usage(input_tokens=28, output_tokens=125, input_audio_tokens=17, output_audio_tokens=93)
    assert cost(usage, prices) == pytest.approx((11 * 2.5 + 17 * 32 + 32 * 10 + 93 * 64) / 1e6)
    assert cost(usage, Prices(text_in=1, text_out=1)) is None
    assert cost(Usage(10, 10), Prices(text_in=1, text_out=1)) == pytest.approx(20 / 1e6)
    assert cost(None, prices) is None


@pytest.mark.parametrize(
    ("usage", "seconds", "expected"),
    [
        (Usage(input_seconds=30), 60.0, 30 * 0.0001),  # as the service counts
        (None, 60.0, 60 * 0.0001),
        (Usage(10, 10), 60.0, 60 * 0.0001),  # tokens whose price nobody knows
    ],
)
def test_sound_is_paid_by_the_second_where_that_is_the_price(
    usage: Usage | None, seconds: float, expected: float
) -> None:
    assert cost(usage, Prices(second_in=0.0001), seconds=seconds) == pytest.approx(expected)


PRICED = Prices(text_in=2, text_out=10, audio_in=30, audio_out=60, cached_text_in=0.5, cached_audio_in=3)


@pytest.mark.parametrize(
    ("cached", "cached_audio", "dollars"),
    [
        (0, 0, 100 * 2 + 300 * 30),
        (50, 0, 50 * 2 + 50 * 0.5 + 300 * 30),
        (400, 300, 100 * 0.5 + 300 * 3),
    ],
)
def test_cached_tokens_have_prices_of_their_own(cached: int, cached_audio: int, dollars: float) -> None:
    usage = Usage(400, 0, 300, 0, cached, cached_audio)
    assert cost(usage, PRICED) == pytest.approx(dollars / 1e6)


def test_cached_tokens_without_a_price_are_billed_as_the_others() -> None:
    prices = replace(PRICED, cached_text_in=None, cached_audio_in=None)
    assert cost(Usage(400, 0, 300, 0, 400, 300), prices) == pytest.approx((100 * 2 + 300 * 30) / 1e6)


def test_a_long_request_is_billed_at_its_tier() -> None:
    prices = replace(PRICED, tiers=(Tier(200_000, replace(PRICED, text_in=4)),))
    assert cost(Usage(200_000), prices) == pytest.approx(0.4)
    assert cost(Usage(200_001), prices) == pytest.approx(200_001 * 4 / 1e6)


def test_what_the_service_charges_is_the_cost() -> None:
    assert cost(Usage(37, 12, cost=0.00010625), PRICED, seconds=3.7) == 0.00010625
    assert cost(Usage(37, 12, cost=0.0), Prices()) == 0


def test_a_short_recording_is_billed_at_the_least_length() -> None:
    prices = Prices(second_in=0.001, min_seconds=10)
    assert cost(None, prices, seconds=3.7) == pytest.approx(0.01)
    assert cost(Usage(input_seconds=12), prices) == pytest.approx(0.012)
    assert Capabilities(id="x", prices=prices).heard_for(3.7) == pytest.approx(0.01)


def test_sound_by_the_second_is_billed_beside_the_tokens_of_text() -> None:
    """Mistral's Voxtral: $0.1 a million tokens in, $0.4 out, $0.004 a minute of sound."""
    prices = Prices(text_in=0.1, text_out=0.4, second_in=0.004 / 60)
    usage = Usage(384, 248, 375, input_seconds=3)
    assert cost(usage, prices) == pytest.approx((9 * 0.1 + 248 * 0.4) / 1e6 + 3 * 0.004 / 60)


def test_what_is_free_costs_nothing() -> None:
    assert cost(Usage(10, 10), Prices(text_in=0, text_out=0), seconds=60) == 0
    assert cost(None, Prices(second_in=0), seconds=60) == 0


@pytest.mark.parametrize(
    ("model", "sent", "per_minute"),
    [
        ("gpt-audio-1.5", (100 * 2.5 + 100 * 32) / 1e6, 1200 * 64 / 1e6),
        ("gemini/gemini-2.5-flash", (100 * 0.3 + 320 * 1) / 1e6, None),
        ("vertex_ai/gemini-2.5-flash-lite", (100 * 0.1 + 250 * 0.3) / 1e6, None),
        ("echo", 0, 0),
    ],
)
def test_a_cost_is_estimated_by_the_models_own_rate_before_anything_is_sent(
    model: str, sent: float, per_minute: float | None
) -> None:
    known = lookup(model) or Capabilities(id="")
    expected = estimate(Question(prompt="x" * 400), 10.0, known)
    assert expected is not None
    assert expected.total == pytest.approx(sent)
    assert expected.per_minute == pytest.approx(per_minute)


def test_a_cost_is_estimated_only_where_all_prices_are_known() -> None:
    assert estimate(Question(prompt="hi"), 0, Capabilities(id="x")) is None
    writer = Capabilities(id="x", prices=Prices(text_in=1))
    assert estimate(Question(prompt="hi"), 1, writer) is None
    assert estimate(Question(prompt="hi"), 0, writer) is not None
    by_the_second = replace(writer, prices=Prices(text_in=0, second_in=0.0001))
    assert estimate(Question(prompt="hi"), 60, by_the_second) == Cost(0.006, None)
