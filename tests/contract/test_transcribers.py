"""What every transcriber promises, asked of every transcriber."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

import pytest

from audiocli.audio.containers.wav import wav_header
from audiocli.catalog import lookup
from audiocli.chat import PCM_BYTES_PER_SECOND, AudioBytes, AudioPart, TextDelta
from audiocli.config import load
from audiocli.errors import DependencyError, InputError, ProviderError
from audiocli.providers.base import Transcriber
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.openai.chat import OpenAICompatible
from audiocli.providers.openai.transcription import OpenAITranscriptions
from audiocli.providers.openai.verbatim import Verbatim
from audiocli.providers.pace import Pace, Paced, reliable
from audiocli.secret import Secret
from audiocli.transcript import Hearing, Limits, Transcript, TranscriptionRequest
from tests.contract.transcription_service import answer_by_chat, answer_with_times, answer_word_by_word
from tests.servers import Exchange, Script, serve

KEY = Secret("a-key-of-no-known-shape")
SECONDS = 2.0
SOUND = wav_header(int(SECONDS * PCM_BYTES_PER_SECOND)) + bytes(int(SECONDS * PCM_BYTES_PER_SECOND))
REQUEST = TranscriptionRequest(
    model="some-model", audio=AudioPart(AudioBytes(SOUND), "wav"), duration=SECONDS
)


@dataclass(frozen=True)
class Way:
    """A transcriber that answers as `script` does; `None` where it needs no service."""

    make: Callable[[str], Transcriber]
    script: Script | None


def endpoint(url: str) -> Transcriber:
    return OpenAITranscriptions(Endpoint(url, KEY))


def streaming_endpoint(url: str) -> Transcriber:
    return OpenAITranscriptions(Endpoint(url, KEY), lookup("gpt-4o-transcribe"))


def verbatim(url: str) -> Transcriber:
    return Verbatim(OpenAICompatible(Endpoint(url, KEY)))


def careful_endpoint(url: str) -> Transcriber:
    return reliable(endpoint(url), Pace(4))


def embedded(url: str) -> Transcriber:  # noqa: ARG001 - made as the others are
    from audiocli.local.weights import locate_hearing
    from audiocli.providers.embedded.chat import require_packages
    from audiocli.providers.embedded.recogniser import LocalTranscriber

    config = load({name: os.environ[name] for name in ("XDG_CACHE_HOME", "HOME") if name in os.environ})
    try:
        require_packages()
        asyncio.run(locate_hearing(config.cache_dir, lambda what, done, total: None))
    except DependencyError as error:
        pytest.skip(str(error))
    return LocalTranscriber(config.cache_dir, lambda what, done, total: None)


WAYS = {
    "endpoint": Way(endpoint, answer_with_times),
    "streaming endpoint": Way(streaming_endpoint, answer_word_by_word),
    "verbatim": Way(verbatim, answer_by_chat),
    "careful endpoint": Way(careful_endpoint, answer_with_times),
    "embedded": Way(embedded, None),
}
HOSTED = [way for way in WAYS.values() if way.script]

over_hosted = pytest.mark.parametrize(
    "way", HOSTED, ids=[name for name, way in WAYS.items() if way in HOSTED]
)


@contextmanager
def opened(way: Way) -> Iterator[Transcriber]:
    if way.script is None:
        yield way.make("")
        return
    with serve(way.script) as server:
        yield way.make(server.url)


@pytest.fixture(
    params=[*HOSTED, pytest.param(WAYS["embedded"], marks=pytest.mark.embedded)],
    ids=list(WAYS),
)
def transcriber(request: pytest.FixtureRequest) -> Iterator[Transcriber]:
    opening: AbstractContextManager[Transcriber] = opened(request.param)
    with opening as ready:
        yield ready


def heard(transcriber: Transcriber, request: TranscriptionRequest = REQUEST) -> list[Hearing]:
    async def hear() -> list[Hearing]:
        async with asyncio.timeout(60), aclosing(transcriber.stream(request)) as events:
            return [event async for event in events]

    return asyncio.run(hear())


REQUESTS = {
    "plain": REQUEST,
    "in a language": replace(REQUEST, language="en"),
    "after other words": replace(REQUEST, prompt="And then,"),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_it_ends_with_the_one_transcript(transcriber: Transcriber, request_: TranscriptionRequest) -> None:
    events = heard(transcriber, request_)
    assert [event for event in events if isinstance(event, Transcript)] == events[-1:]
    assert all(event.text for event in events if isinstance(event, TextDelta))


def test_times_lie_within_the_sound_and_in_order(transcriber: Transcriber) -> None:
    transcript = heard(transcriber)[-1]
    assert isinstance(transcript, Transcript)
    assert transcript.duration == pytest.approx(SECONDS, abs=0.1)
    times = [time for segment in transcript.segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert all(0 <= time <= SECONDS for time in times)
    assert all(
        segment.start <= word.start <= word.end <= segment.end
        for segment in transcript.segments
        for word in segment.words
    )


def test_it_says_what_it_takes_and_gives(transcriber: Transcriber) -> None:
    limits: Limits = transcriber.limits
    assert limits.seconds >= 60
    assert limits.bytes > 0
    assert "wav" in limits.formats
    assert limits.parallel >= 1
    assert limits.timing in ("word", "segment", "piece")


def test_it_hears_as_often_as_it_is_asked(transcriber: Transcriber) -> None:
    async def twice() -> None:
        for _ in range(2):
            events = [event async for event in transcriber.stream(REQUEST)]
            assert isinstance(events[-1], Transcript)

    asyncio.run(twice())


def test_two_are_heard_at_once(transcriber: Transcriber) -> None:
    async def last() -> Hearing:
        return [event async for event in transcriber.stream(REQUEST)][-1]

    async def both() -> None:
        first, second = await asyncio.gather(last(), last())
        assert first == second

    asyncio.run(both())


def test_closing_early_leaves_nothing_running(transcriber: Transcriber) -> None:
    async def leave() -> None:
        events = transcriber.stream(REQUEST)
        await anext(events)
        async with asyncio.timeout(5):
            await events.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert await anext(events, None) is None

    asyncio.run(leave())


@pytest.mark.parametrize("seconds", [0, 0.001, 0.01])
def test_cancelling_ends_it_at_once(transcriber: Transcriber, seconds: float) -> None:
    async def hear() -> Hearing:
        return [event async for event in transcriber.stream(REQUEST)][-1]

    async def cancel() -> None:
        task = asyncio.create_task(hear())
        await asyncio.sleep(seconds)
        task.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait([task])
        assert task.cancelled() or isinstance(task.result(), Transcript)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancel())


@over_hosted
def test_closing_early_closes_the_connection(way: Way) -> None:
    async def leave(transcriber: Transcriber) -> None:
        events = transcriber.stream(REQUEST)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await asyncio.wait([waiting])
        await events.aclose()

    def wait(exchange: Exchange) -> None:
        assert exchange.hold() < 10

    with serve(wait) as server:
        asyncio.run(leave(way.make(server.url)))
    assert len(server.exchanges) == 1


@over_hosted
@pytest.mark.parametrize("status", ["401 Unauthorized", "400 Bad Request", "500 Internal Server Error"])
def test_a_key_that_a_service_echoes_is_never_shown(way: Way, status: str) -> None:
    echo = json.dumps({"error": {"message": f"no: {KEY.value}", "code": KEY.value, "param": KEY.value}})

    def refuse(exchange: Exchange) -> None:
        exchange.reply(echo.encode(), status=status, media_type="text/plain", x_should_retry="false")

    with serve(refuse) as server, pytest.raises(ProviderError) as caught:
        heard(way.make(server.url))
    assert KEY.value not in f"{caught.value} {vars(caught.value)} {caught.value.__cause__!r}"


class _Vanished(AudioBytes):
    """Audio that can no longer be opened."""

    def open(self) -> BinaryIO:
        raise InputError("'clip.wav' is gone")


UNHEARABLE = {
    "audio that is none": AudioPart(AudioBytes(b"?"), "wav"),
    "audio that is empty": AudioPart(AudioBytes(b""), "wav"),
    "audio that is gone": AudioPart(_Vanished(SOUND), "wav"),
    "a format that nobody knows": AudioPart(AudioBytes(SOUND), "../x\r\n"),
}


@pytest.mark.parametrize("audio", UNHEARABLE.values(), ids=UNHEARABLE)
def test_only_the_errors_that_are_promised_are_raised(transcriber: Transcriber, audio: AudioPart) -> None:
    with suppress(ProviderError, DependencyError, InputError):
        events = heard(transcriber, replace(REQUEST, audio=audio))
        assert isinstance(events[-1], Transcript)


class _Failing:
    """Fails after as many words as it is told."""

    def __init__(self, error: Exception, after: int) -> None:
        self._error, self._after = error, after

    @property
    def limits(self) -> Limits:
        raise NotImplementedError

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        for _ in range(self._after):
            yield TextDelta("word")
        raise self._error


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("error", [ProviderError("no"), InputError("no"), DependencyError("no")])
def test_a_transcriber_around_another_lets_its_errors_through(error: Exception, after: int) -> None:
    for around in (Paced(_Failing(error, after), Pace(1)), reliable(_Failing(error, after), Pace(1))):
        with pytest.raises(type(error)) as caught:
            heard(around)
        assert caught.value is error
