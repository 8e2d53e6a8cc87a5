"""What every provider promises, asked of every provider."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager, suppress
from dataclasses import replace
from typing import BinaryIO

import pytest

from audiocli.chat import (
    AudioBytes,
    AudioDelta,
    AudioOutput,
    AudioPart,
    AudioStarted,
    ChatRequest,
    Event,
    Extra,
    Finished,
    Message,
    RawPart,
    TextDelta,
    TextPart,
    TranscriptDelta,
    collect,
)
from audiocli.config import load
from audiocli.errors import BadRequestError, DependencyError, InputError, ProviderError
from audiocli.providers.base import Provider
from audiocli.providers.embedded.echo import Echo
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.openai.chat import OpenAICompatible
from audiocli.providers.retry import Retrying
from tests.contract.echo_service import answer_as_echo
from tests.servers import serve

BYTES_PER_AUDIO_TOKEN = 2400


@contextmanager
def in_process() -> Iterator[Provider]:
    yield Echo()


@contextmanager
def over_http() -> Iterator[Provider]:
    with serve(answer_as_echo) as server:
        yield OpenAICompatible(Endpoint(server.url))


@contextmanager
def retrying() -> Iterator[Provider]:
    yield Retrying(Echo())


@contextmanager
def retrying_over_http() -> Iterator[Provider]:
    with over_http() as provider:
        yield Retrying(provider)


@contextmanager
def embedded() -> Iterator[Provider]:
    for package in ("xllamacpp", "onnxruntime", "pocketsphinx", "espeakng_loader", "soxr"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the local extra is not installed: {package} is missing")
    from audiocli.local.weights import locate
    from audiocli.providers.embedded.chat import LocalProvider

    config = load({name: os.environ[name] for name in ("XDG_CACHE_HOME", "HOME") if name in os.environ})
    try:
        asyncio.run(locate(None, config.cache_dir, lambda what, done, total: None))
    except DependencyError as error:
        pytest.skip(str(error))
    yield LocalProvider(None, config.cache_dir, lambda what, done, total: None)


Opening = Callable[[], AbstractContextManager[Provider]]

PROVIDERS: list[Opening] = [in_process, over_http, retrying, retrying_over_http]


@pytest.fixture(
    params=[*PROVIDERS, pytest.param(embedded, marks=pytest.mark.embedded)],
    ids=lambda opening: opening.__name__,
)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    opening: Opening = request.param
    with opening() as opened:
        yield opened


def question(text: str = "Say one word.", **members: object) -> ChatRequest:
    request = ChatRequest(
        model="echo", messages=(Message("user", (TextPart(text),)),), max_tokens=12, stream=True
    )
    return replace(request, **members)  # type: ignore[arg-type] # `members` are fields of it


WRITTEN = question()
SPOKEN = question(audio=AudioOutput("alloy", "pcm16"))
REQUESTS = {
    "written, streamed": WRITTEN,
    "written, whole": replace(WRITTEN, stream=False),
    "spoken, streamed": SPOKEN,
    "spoken, whole": replace(SPOKEN, stream=False),
    "spoken as WAV": replace(SPOKEN, audio=AudioOutput("alloy", "wav"), stream=False),
    "after a system message": question(
        messages=(Message("system", (TextPart("Be brief."),)), *WRITTEN.messages)
    ),
    "in a conversation": question(
        messages=(*WRITTEN.messages, Message("assistant", (TextPart("Word."),)), *WRITTEN.messages)
    ),
}

over_every_request = pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
over_spoken_requests = pytest.mark.parametrize(
    "request_", [request for request in REQUESTS.values() if request.audio]
)


def answered(provider: Provider, request: ChatRequest) -> list[Event]:
    async def gather() -> list[Event]:
        async with asyncio.timeout(60), aclosing(provider.stream(request)) as events:
            return [event async for event in events]

    return asyncio.run(gather())


@over_every_request
def test_an_answer_ends_with_the_one_finished(provider: Provider, request_: ChatRequest) -> None:
    events = answered(provider, request_)
    assert [event for event in events if isinstance(event, Finished)] == events[-1:]


@over_every_request
def test_an_answer_that_is_not_asked_for_aloud_is_text_and_another_is_words_and_sound(
    provider: Provider, request_: ChatRequest
) -> None:
    kinds = {type(event) for event in answered(provider, request_)} - {Extra}
    spoken = {AudioStarted, TranscriptDelta, AudioDelta, Finished}
    assert kinds == (spoken if request_.audio else {TextDelta, Finished})


@over_spoken_requests
def test_what_a_spoken_answer_is_called_is_known_before_its_words_and_its_sound(
    provider: Provider, request_: ChatRequest
) -> None:
    events = [event for event in answered(provider, request_) if not isinstance(event, Extra)]
    first, *others, finished = events
    assert isinstance(first, AudioStarted)
    assert isinstance(finished, Finished)
    assert first.id == finished.audio_id
    assert not any(isinstance(event, AudioStarted) for event in others)


@over_every_request
def test_no_event_is_empty(provider: Provider, request_: ChatRequest) -> None:
    for event in answered(provider, request_):
        match event:
            case TextDelta(text) | TranscriptDelta(text):
                assert text
            case AudioDelta(data):
                assert data


@over_every_request
def test_an_answer_says_why_it_ended_who_gave_it_and_what_it_took(
    provider: Provider, request_: ChatRequest
) -> None:
    *_, finished = answered(provider, request_)
    assert isinstance(finished, Finished)
    assert finished.finish_reason in ("stop", "length")
    assert finished.id
    assert finished.model
    assert (finished.audio_id is not None) is (request_.audio is not None)
    assert finished.usage is not None
    assert 0 <= finished.usage.output_audio_tokens < finished.usage.output_tokens


@over_spoken_requests
def test_the_sound_is_as_long_as_its_tokens_say(provider: Provider, request_: ChatRequest) -> None:
    async def answer() -> tuple[bytes, Finished]:
        whole = await collect(provider.stream(request_))
        return whole.audio, whole.finished

    sound, finished = asyncio.run(answer())
    assert request_.audio is not None
    assert sound.startswith(b"RIFF") is (request_.audio.format == "wav")
    samples = sound[44:] if request_.audio.format == "wav" else sound
    assert finished.usage is not None
    assert len(samples) % 2 == 0
    assert 0 <= finished.usage.output_audio_tokens * BYTES_PER_AUDIO_TOKEN - len(samples) < 2400


@over_every_request
def test_a_provider_answers_as_often_as_it_is_asked(provider: Provider, request_: ChatRequest) -> None:
    async def twice() -> None:
        for _ in range(2):
            answer = await collect(provider.stream(request_))
            assert answer.text

    asyncio.run(twice())


def test_two_are_answered_at_once(provider: Provider) -> None:
    async def both() -> None:
        answers = await asyncio.gather(collect(provider.stream(WRITTEN)), collect(provider.stream(SPOKEN)))
        assert all(answer.text for answer in answers)
        assert [bool(answer.audio) for answer in answers] == [False, True]

    asyncio.run(both())


@over_every_request
def test_closing_early_leaves_nothing_running(provider: Provider, request_: ChatRequest) -> None:
    async def leave() -> None:
        events = provider.stream(request_)
        await anext(events)
        async with asyncio.timeout(2):
            await events.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert await anext(events, None) is None

    asyncio.run(leave())


def test_an_answer_that_nobody_begins_to_read_holds_nothing(provider: Provider) -> None:
    async def leave() -> None:
        await provider.stream(WRITTEN).aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(leave())


@pytest.mark.parametrize("request_", [WRITTEN, SPOKEN])
@pytest.mark.parametrize("seconds", [0, 0.001, 0.01])
def test_cancelling_ends_it_at_once(provider: Provider, request_: ChatRequest, seconds: float) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(collect(provider.stream(request_)))
        await asyncio.sleep(seconds)
        task.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait([task])
        # An instant answer may have come before; nothing else than an answer and a cancellation may.
        assert task.cancelled() or task.result().text
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancel())


class _Vanished(AudioBytes):
    """Audio that can no longer be opened."""

    def open(self) -> BinaryIO:
        raise InputError("'clip.wav' is gone")


UNANSWERABLE = {
    "a format that nobody knows": question(audio=AudioOutput("alloy", "")),
    "no words": question(""),
    "audio that is none": question(messages=(Message("user", (AudioPart(AudioBytes(b"?"), "wav"),)),)),
    "audio that is empty": question(messages=(Message("user", (AudioPart(AudioBytes(b""), "wav"),)),)),
    "audio that is gone": question(messages=(Message("user", (AudioPart(_Vanished(b"RIFF"), "wav"),)),)),
    "an image": question(messages=(Message("user", (RawPart({"type": "image_url", "image_url": {}}),)),)),
    "an unknown audio id": question(messages=(Message("assistant", (), "audio_x"), *WRITTEN.messages)),
}


@pytest.mark.parametrize("request_", UNANSWERABLE.values(), ids=UNANSWERABLE)
def test_only_the_errors_that_are_promised_are_raised(provider: Provider, request_: ChatRequest) -> None:
    with suppress(ProviderError, DependencyError, BadRequestError):
        events = answered(provider, request_)
        assert isinstance(events[-1], Finished)


class _Failing:
    """Fails after as many answers' worth of events as it is told."""

    def __init__(self, error: Exception, after: int = 0) -> None:
        self._error, self._after = error, after

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        for _ in range(self._after):
            yield TextDelta("word")
        raise self._error


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("error", [ProviderError("no"), InputError("no"), DependencyError("no")])
def test_a_provider_around_another_lets_its_errors_through(error: Exception, after: int) -> None:
    with pytest.raises(type(error)) as caught:
        answered(Retrying(_Failing(error, after)), WRITTEN)
    assert caught.value is error
