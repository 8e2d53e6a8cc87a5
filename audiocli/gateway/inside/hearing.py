"""Transcriptions by a model that runs in this process: recordings of any length, heard in pieces."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from io import FileIO

from audiocli.audio.reading.recorded import Sound, examine
from audiocli.audio.reading.source import StoredSource
from audiocli.catalog.dates import today
from audiocli.chat import TextDelta, Usage
from audiocli.errors import RejectedError
from audiocli.files import write_all
from audiocli.gateway.answer import Answer
from audiocli.gateway.config.dropping import dropped
from audiocli.gateway.replies import EVENT_HEADERS
from audiocli.gateway.requests import Request
from audiocli.gateway.state import State
from audiocli.recordings.hearing import Connection, Hearing, Recording
from audiocli.recordings.job import Heard, JobOptions
from audiocli.recordings.joining import join
from audiocli.recordings.opening import Opened
from audiocli.router import Deployment
from audiocli.transcript import Transcript, TranscriptionRequest
from audiocli.wire.openai.form import FormReader
from audiocli.wire.openai.transcription import (
    Form,
    Shape,
    StreamEncoder,
    decode_request,
    encode_transcript,
    media_type,
)
from audiocli.wire.splicing.form_scan import boundary

NAME = "file"  # as the form calls it
TRANSLATION = "audio/translations"
TRANSLATED = "en"  # the language of every translation
TIMED = ("verbose_json", "srt", "vtt")

Body = AsyncGenerator[bytes, None]
Events = AsyncGenerator[TextDelta | Transcript, None]


async def write_down(
    state: State,
    deployment: Deployment,
    request: Request,
    body: Body,
    turn: asyncio.Lock,
    answer: Answer,
) -> None:
    """Answer a request for a transcription, or for a translation of what is English already.

    Raises `InputError` for what is no recording, and `RejectedError` for what the model does not do.
    """
    form = await _read_form(deployment, request, body)
    sound = await asyncio.to_thread(examine, form.source, NAME)
    wanted, shape = decode_request(form, sound.duration)
    _check_shape(deployment, shape)
    _check_members(deployment, wanted)
    async with turn, aclosing(_hear(state, deployment, sound, wanted, shape)) as events:
        if request.path == TRANSLATION:
            await _answer_whole(_translated(events, deployment), shape, answer)
        elif shape.stream:
            await _answer_in_events(events, shape, answer)
        else:
            await _answer_whole(events, shape, answer)


async def _read_form(deployment: Deployment, request: Request, body: Body) -> Form:
    """The form, whose file goes to disk as it comes. What the configuration adds goes before it."""
    spool = StoredSource(lambda file: None)
    with FileIO(spool.descriptor, "wb", closefd=False) as file:
        reader = FormReader(boundary(request.content_type), partial(write_all, file))
        async with aclosing(body):
            async for block in body:
                reader.feed(block)
        reader.close()
    form = reader.form(spool)
    given = {name for name, _ in form.fields}
    added = {"model": deployment.group, **deployment.extra_body}
    more = tuple((name, str(value)) for name, value in added.items() if name not in given)
    own = tuple(each for each in form.fields if each[0] not in dropped(deployment))
    return replace(form, fields=(*more, *own))


def _check_shape(deployment: Deployment, shape: Shape) -> None:
    known = deployment.target.capabilities
    if shape.response_format == "diarized_json" and not (known and known.speakers):
        raise RejectedError(
            f"{deployment.target.name} does not tell speakers apart",
            hint="ask for verbose_json, or name a model that does",
            param="response_format",
            code="unsupported_value",
        )


_CANNOT: Mapping[str, str] = {
    "include": "tells no log probabilities",
    "known_speaker_names": "does not tell speakers apart",
    "known_speaker_references": "does not tell speakers apart",
}
"""What the embedded recogniser does not do, by the field that asks for it."""


def _check_members(deployment: Deployment, wanted: TranscriptionRequest) -> None:
    for name, value in wanted.extra.items():
        if value and (reason := _CANNOT.get(name.removesuffix("[]"))):
            raise RejectedError(
                f"{deployment.target.name} {reason}",
                hint="leave it out, or name a model that does",
                param=name,
                code="unsupported_value",
            )


async def _hear(
    state: State, deployment: Deployment, sound: Sound, wanted: TranscriptionRequest, shape: Shape
) -> Events:
    """Words in the order of the sound, then the transcript."""
    target = deployment.target
    transcriber = state.engines.transcriber(target, state.settings.config)
    hearing = Hearing(
        Recording(Opened(NAME, sound.source), sound, 0.0, sound.duration),
        JobOptions(
            language=wanted.language,
            prompt=wanted.prompt,
            words=wanted.words,
            timed=shape.response_format in TIMED,
        ),
        [],
        Connection(target.name, target.model, transcriber, target.prices_on(today())),
        asyncio.Semaphore(transcriber.limits.parallel),
        state.engines.reading,
    )
    async with aclosing(hearing.events()) as events:
        async for event in events:
            if isinstance(event, Heard):
                yield TextDelta(event.text)
    transcript = join(hearing.pieces, sound.duration)
    yield replace(transcript, usage=transcript.usage or Usage(input_seconds=sound.duration))


async def _translated(events: Events, deployment: Deployment) -> Events:
    """What is said in English needs no translation; raises `RejectedError` for everything else."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Transcript) and event.segments and event.language != TRANSLATED:
                raise RejectedError(
                    f"{deployment.target.name} does not translate",
                    hint="name a model that does, such as whisper-1",
                    param="model",
                )
            yield event


async def _answer_whole(events: Events, shape: Shape, answer: Answer) -> None:
    transcript = None
    async for event in events:
        transcript = event
    assert isinstance(transcript, Transcript)  # noqa: S101 - the last event is one
    answer.entry.usage = transcript.usage
    body = encode_transcript(transcript, shape)
    kind = media_type(shape.response_format).encode()
    await answer.begin(200, [(b"content-type", kind), (b"content-length", b"%d" % len(body))])
    await answer.end(body)


async def _answer_in_events(events: Events, shape: Shape, answer: Answer) -> None:
    """The headers go with the first words, so that an error before them has its status."""
    answer.entry.streamed = True
    encoder = StreamEncoder(shape)
    async for event in events:
        if isinstance(event, Transcript):
            answer.entry.usage = event.usage
        if not answer.begun:
            await answer.begin(200, EVENT_HEADERS, events=True)
        for data in encoder.encode(event):
            await answer.write(data)
    await answer.end()
