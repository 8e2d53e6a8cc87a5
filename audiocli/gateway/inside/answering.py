"""Requests that are not passed on as they are: understood whole, and answered as OpenAI would.

They are for models that run in this process, and for services with a wire of their own.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

from audiocli.chat import AudioDelta, ChatRequest, Event, Finished, collect
from audiocli.errors import InputError, RejectedError, ReplyError
from audiocli.gateway.answer import Answer
from audiocli.gateway.config.dropping import dropped
from audiocli.gateway.inside.hearing import Body, write_down
from audiocli.gateway.inside.speaking import speak
from audiocli.gateway.replies import EVENT_HEADERS
from audiocli.gateway.requests import Request
from audiocli.gateway.state import State
from audiocli.providers.embedded.voice import ENCODED, encoded
from audiocli.router import Deployment
from audiocli.wire.json import parse
from audiocli.wire.litellm import IGNORED
from audiocli.wire.openai.chat import (
    STREAM_END,
    STREAM_FORMAT,
    StreamEncoder,
    decode_request,
    encode_chunk,
    encode_completion,
)


async def answer_in_process(
    state: State, deployment: Deployment, request: Request, body: Body, answer: Answer
) -> None:
    """Answer a request for `deployment`, which does not speak OpenAI's wire.

    A place in the queue of an engine that runs here is taken before the body is read, and the turn comes
    after that. Raises `InputError`, `CapabilityError` and `ProviderError` for what the model refuses,
    `DependencyError` if it is not installed.
    """
    with _refusals():
        async with state.engines.place(deployment.target) as turn:
            match request.path:
                case "chat/completions":
                    await _chat(state, deployment, request, body, turn, answer)
                case "audio/speech":
                    await speak(state, deployment, await _document(body, deployment), turn, answer)
                case _:
                    await write_down(state, deployment, request, body, turn, answer)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a model refuses by a code of OpenAI's is a service's refusal, which has its fallbacks."""
    try:
        yield
    except InputError as error:
        if error.code is None:
            raise
        raise RejectedError(error.message, hint=error.hint, code=error.code, param=error.param) from error


async def _chat(
    state: State,
    deployment: Deployment,
    request: Request,
    body: Body,
    turn: asyncio.Lock,
    answer: Answer,
) -> None:
    # The sound in it is decoded from base64.
    asked = await asyncio.to_thread(decode_request, await _document(body, deployment))
    question = replace(asked, model=deployment.target.model)
    provider = state.engines.provider(deployment.target, state.settings.config)
    async with turn, aclosing(provider.stream(_in_samples(question))) as events:
        if question.stream:
            await _answer_in_events(events, question, answer, usage=request.asks_usage)
        else:
            await _answer_whole(events, question, answer)


def _in_samples(question: ChatRequest) -> ChatRequest:
    """`question`, asking for samples where its answer is encoded here."""
    if question.stream or question.audio is None or question.audio.format not in ENCODED:
        return question
    return replace(question, audio=replace(question.audio, format=STREAM_FORMAT))


async def _answer_whole(events: AsyncGenerator[Event, None], question: ChatRequest, answer: Answer) -> None:
    whole = await collect(events)
    if whole.audio and question.audio and question.audio.format in ENCODED:
        sound = await asyncio.to_thread(encoded, [whole.audio], question.audio.format)
        whole = replace(whole, audio=sound)
    answer.entry.usage = whole.finished.usage
    body = json.dumps(encode_completion(whole, question)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await answer.begin(200, headers)
    await answer.end(body)


async def _answer_in_events(
    events: AsyncGenerator[Event, None], question: ChatRequest, answer: Answer, *, usage: bool
) -> None:
    """The headers go with the first event, so that an error before it has its status."""
    entry = answer.entry
    entry.streamed = True
    encoder = StreamEncoder(question, id=f"chatcmpl-{os.urandom(12).hex()}", created=int(time.time()))
    async for event in events:
        match event:
            case AudioDelta() if entry.first_audio is None:
                entry.first_audio = time.monotonic()
            case Finished():
                entry.usage = event.usage
        for chunk in encoder.encode(event):
            if not chunk["choices"] and not usage:
                continue
            if not answer.begun:
                await answer.begin(200, EVENT_HEADERS, events=True)
            await answer.write(encode_chunk(chunk))
    await answer.end(STREAM_END)


async def _document(body: Body, deployment: Deployment) -> dict[str, Any]:
    """The request's JSON, with what the configuration adds, and the model where only the path names it."""
    async with aclosing(body):
        whole = b"".join([block async for block in body])
    try:
        document = await asyncio.to_thread(parse, whole)  # A large one takes a while.
    except ReplyError:
        raise InputError("the request is not a JSON object") from None
    for name in dropped(deployment) | IGNORED:
        document.pop(name, None)
    return {"model": deployment.group, **deployment.extra_body, **document}
