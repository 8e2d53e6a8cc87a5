"""Ask a model, with our own types."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from audiocli.audio.formats import format_of
from audiocli.audio.reading.prepare import Prepared, prepare
from audiocli.audio.reading.source import open_input
from audiocli.audio.recording import Recorder
from audiocli.catalog.dates import today
from audiocli.chat import AudioBytes, AudioSource, ChatRequest, Event, Extra
from audiocli.client import Answer, Question, compose, cost
from audiocli.client import ask as ask_provider
from audiocli.http.client import fetch
from audiocli.library.blocking import blocking, iterating
from audiocli.library.connection import connect
from audiocli.providers.target import Target

MAX_INPUT_BYTES = 25_000_000  # what OpenAI takes
FETCH_SECONDS = 120.0

Audio = str | os.PathLike[str] | bytes
"""A file's path, an http address, or what is in a file. The content tells the format."""


async def aask(
    prompt: str = "",
    *,
    audio: Audio | Sequence[Audio] | None = None,
    model: str | None = None,
    voice: str | None = None,
    system: str | None = None,
    output: str | os.PathLike[str] | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    force: bool = False,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - for all tries, so that it is told from idleness
    retries: int | None = None,
    show: Callable[[Event], None] | None = None,
) -> Answer:
    """The answer to `prompt` and `audio`, spoken into the file `output` where that is named.

    The extension of `output` says its format. `show` is told of each event as it comes. Without a `model` it
    is the config's, then one of those whose keys are set, then the embedded one. `timeout` is in
    seconds, for all tries together. `force` asks for what the model is known not to do, and takes a
    name that looks misspelt. The answer's `notes`
    say what may surprise in `audio`, such as a file that is cut off. Raises `AudiocliError`.
    """
    path = os.fspath(output) if output is not None else None
    connection = connect(
        model,
        base_url=base_url,
        api_key=api_key,
        timeout=timeout,
        retries=retries,
        spoken=path is not None,
        heard=bool(audio),
        force=force,
    )
    heard = await _prepared(audio)
    question = Question(
        prompt=prompt,
        audio=tuple(each.part for each in heard),
        system=system,
        output=format_of(path) if path is not None else None,
        voice=voice,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=seed,
        force=force,
    )
    request = _composed(question, connection.target)
    recorder = _recorder(path) if path is not None else None
    answer = await ask_provider(connection.provider, request, recorder=recorder, show=show or _unseen)
    dollars = cost(answer.usage, connection.target.prices_on(today()))
    return replace(answer, notes=tuple(note for each in heard for note in each.notes), cost=dollars)


async def astream(
    prompt: str = "",
    *,
    audio: Audio | Sequence[Audio] | None = None,
    model: str | None = None,
    voice: str | None = None,
    system: str | None = None,
    spoken: bool = False,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    force: bool = False,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - for all tries, so that it is told from idleness
    retries: int | None = None,
) -> AsyncGenerator[Event, None]:
    """The events of an answer as they come, one `Finished` at the end; otherwise as `aask`.

    A `spoken` answer comes as pcm16: 24 kHz, mono, little-endian, without a header. Nothing is sent before
    the first event is asked for; closing the generator closes the connection.
    """
    connection = connect(
        model,
        base_url=base_url,
        api_key=api_key,
        timeout=timeout,
        retries=retries,
        spoken=spoken,
        heard=bool(audio),
        force=force,
    )
    question = Question(
        prompt=prompt,
        audio=tuple(each.part for each in await _prepared(audio)),
        system=system,
        output="pcm" if spoken else None,
        voice=voice,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=seed,
        force=force,
    )
    async with aclosing(connection.provider.stream(_composed(question, connection.target))) as events:
        async for event in events:
            if not isinstance(event, Extra):
                yield event


ask = blocking(aask)
stream = iterating(astream)


def _unseen(event: Event) -> None:
    """Nobody watches the answer come."""


def _composed(question: Question, target: Target) -> ChatRequest:
    return compose(question, target, today=today())


def _recorder(path: str) -> Recorder:
    from audiocli.audio.writing.output import FileRecorder  # Most answers are read.

    return FileRecorder(path, format_of(path))


async def _prepared(audio: Audio | Sequence[Audio] | None) -> tuple[Prepared, ...]:
    if audio is None:
        return ()
    given = (audio,) if isinstance(audio, str | bytes | os.PathLike) else audio
    return tuple([await _prepare(each) for each in given])


async def _prepare(audio: Audio) -> Prepared:
    source, name = await _opened(audio)
    return await asyncio.to_thread(prepare, source, name, max_bytes=MAX_INPUT_BYTES)


async def _opened(audio: Audio) -> tuple[AudioSource, str]:
    if isinstance(audio, bytes):
        return AudioBytes(audio), "audio"
    name = os.fspath(audio)
    if "://" in name:
        return AudioBytes(await fetch(name, max_bytes=MAX_INPUT_BYTES, seconds=FETCH_SECONDS)), name
    return await asyncio.to_thread(open_input, name, MAX_INPUT_BYTES), name
