"""A chat model is asked to write down, and its answer is taken for a transcript only if it can be one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest

from audiocli.catalog import lookup
from audiocli.chat import (
    AudioBytes,
    AudioPart,
    ChatRequest,
    Event,
    Finished,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.errors import ConnectError, ProviderError, RejectedError, ReplyError
from audiocli.providers.openai.spoken import SILENT
from audiocli.providers.openai.verbatim import Verbatim, limits_of
from audiocli.transcript import Hearing, Segment, Transcript, TranscriptionRequest

SOUND = AudioPart(AudioBytes(b"RIFF"), "wav")
REQUEST = TranscriptionRequest(model="gpt-audio-1.5", audio=SOUND, duration=10.0)
USAGE = Usage(100, 10, 90)
REFUSAL = "I'm sorry, I can't transcribe audio."


class Answering:
    """A chat model that gives the answers that it is told, one after the other; notes the requests."""

    def __init__(self, *answers: str | Exception, finished: Finished | None = None) -> None:
        self._answers = iter(answers)
        self._finished = finished or Finished(usage=USAGE)
        self.requests: list[ChatRequest] = []

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        for word in answer.split(" "):
            yield TextDelta(f"{word} ")
        yield self._finished


def heard(provider: Answering, request: TranscriptionRequest = REQUEST) -> list[Hearing]:
    async def hear() -> list[Hearing]:
        return [event async for event in Verbatim(provider, lookup("gpt-audio-1.5")).stream(request)]

    return asyncio.run(hear())


def last(events: Sequence[Hearing]) -> Transcript:
    assert isinstance(events[-1], Transcript)
    return events[-1]


def test_words_come_as_they_are_written_and_then_the_transcript() -> None:
    *words, transcript = heard(Answering("We go now."))
    assert words == [TextDelta("We "), TextDelta("go "), TextDelta("now. ")]
    assert transcript == Transcript(segments=(Segment("We go now.", 0.0, 10.0),), duration=10.0, usage=USAGE)


def test_it_is_asked_for_text_about_the_sound() -> None:
    provider = Answering("We go now.")
    heard(provider, replace(REQUEST, language="de", prompt="Meyer, Müller"))
    (request,) = provider.requests
    (message,) = request.messages
    task, sound = message.parts
    assert isinstance(task, TextPart)
    assert sound is SOUND
    assert request.audio is None
    assert "word for word" in task.text
    assert "de" in task.text
    assert "Meyer, Müller" in task.text
    assert (request.temperature, request.stream) == (0.0, True)
    assert request.max_tokens is not None
    assert 160 <= request.max_tokens <= 16_384


def test_an_answer_that_is_none_is_asked_for_once_more_and_both_are_paid() -> None:
    provider = Answering(REFUSAL, "We go now.")
    *words, transcript = heard(provider, replace(REQUEST, idempotency_key="k"))
    assert last([transcript]).text == "We go now."
    assert last([transcript]).usage == Usage(200, 20, 180)
    assert "".join(word.text for word in words if isinstance(word, TextDelta)).strip() == REFUSAL
    assert [request.idempotency_key for request in provider.requests] == ["k", "k-again"]
    assert provider.requests[0] != provider.requests[1]


def test_a_second_answer_that_is_none_is_an_error() -> None:
    provider = Answering(REFUSAL, REFUSAL)
    with pytest.raises(ReplyError, match="refuses to write down"):
        heard(provider)
    assert len(provider.requests) == 2


def test_silence_is_an_empty_transcript_with_a_note() -> None:
    transcript = last(heard(Answering("[silence]")))
    assert (transcript.segments, transcript.notes) == ((), (SILENT,))


def test_an_answer_without_end_is_left() -> None:
    provider = Answering("word " * 10_000, "We go now.")
    events = heard(provider)
    assert last(events).text == "We go now."
    assert len(events) < 1000


@pytest.mark.parametrize(
    ("finished", "error"),
    [
        (Finished(finish_reason="content_filter"), RejectedError),
        (Finished(refusal="No."), RejectedError),
        (Finished(finish_reason="length"), ReplyError),
    ],
)
def test_what_ends_an_answer_early_is_an_error(finished: Finished, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        heard(Answering("We go", "We go", finished=finished))


def test_an_answer_that_was_cut_may_be_asked_for_again() -> None:
    with pytest.raises(ConnectError) as caught:
        heard(Answering(ConnectError("cut off")))
    assert caught.value.retryable


def test_words_that_a_model_speaks_are_taken_as_well() -> None:
    class Speaking(Answering):
        async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
            yield TranscriptDelta("We go now.")
            yield Finished()

    assert last(heard(Speaking())).text == "We go now."


def test_a_chat_model_takes_pieces_of_minutes_as_wav_or_mp3() -> None:
    limits = limits_of(lookup("gpt-audio-1.5") or pytest.fail("it is in the table"))
    assert (limits.seconds, limits.bytes, limits.formats) == (300.0, 20_000_000, ("mp3", "wav"))
    assert (limits.timing, limits.prompt) == ("piece", True)
