"""How the deployments do: what live traffic has shown, or what a small question shows that each is asked."""

import asyncio
import io
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from types import MappingProxyType
from typing import Any

from audiocli.audio.containers.wav import wav_header
from audiocli.chat import ChatRequest, Message, TextPart
from audiocli.errors import AudiocliError, DeadlineError, DependencyError, ProviderError
from audiocli.gateway.booking import Entry
from audiocli.gateway.pages.models import place
from audiocli.gateway.passing import MAX_ERROR_BYTES, told
from audiocli.gateway.replies import status_of
from audiocli.gateway.state import State
from audiocli.providers.registry import check_installed
from audiocli.providers.reply import refusal
from audiocli.providers.target import OPENAI_WIRE
from audiocli.router import Deployment
from audiocli.wire.openai.normalise import AnswerScanner

PROBES_AT_ONCE = 4
PROBE_SECONDS = 30.0
MAX_ANSWER_BYTES = 4_000_000  # a short spoken answer
PROBE_TOKENS = 16
SILENCE = wav_header(16_000, 16_000) + bytes(16_000)  # half a second

_ROUTE = "probe"
_SPOKEN = "Say OK."

Row = dict[str, Any]


def asked_about(state: State, model: str | None) -> list[Deployment]:
    """All deployments, or those of one `model`, by its name here or at its provider."""
    deployments = state.router.deployments
    if model is None:
        return [*deployments]
    group = state.router.policy.aliases.get(model, model)
    return [
        each for each in deployments if {group, model} & {each.group, each.target.name, each.target.model}
    ]


def health_document(
    state: State, deployments: Sequence[Deployment], faults: Mapping[str, str] = MappingProxyType({})
) -> Row:
    """`/health`, as LiteLLM has it. `faults` are what probes have met, by the deployment's id.

    Without them a deployment is unhealthy that is left alone for a while, or whose last answer was an error.
    """
    well: list[Row] = []
    ill: list[Row] = []
    for each in deployments:
        fault = faults.get(each.id)
        row = _condition(state, each) | ({} if fault is None else {"error": fault})
        (ill if fault is not None or _is_ill(state, each) else well).append(row)
    return {
        "healthy_endpoints": well,
        "unhealthy_endpoints": ill,
        "healthy_count": len(well),
        "unhealthy_count": len(ill),
    }


def _is_ill(state: State, deployment: Deployment) -> bool:
    return state.router.is_cooling(deployment) or state.router.health(deployment).last_error is not None


def _condition(state: State, deployment: Deployment) -> Row:
    health = state.router.health(deployment)
    since = None if health.last_success is None else round(time.monotonic() - health.last_success, 1)
    latency = None if health.latency is None else round(1000 * health.latency, 1)
    return {
        **place(deployment),
        "model_id": deployment.id,
        "model_group": deployment.group,
        "in_flight": health.in_flight,
        "cooling": state.router.is_cooling(deployment),
        "latency_ms": latency,
        "seconds_since_success": since,
        "last_error": health.last_error,
    }


def can_serve(state: State) -> bool:
    """Whether any deployment could be asked: one elsewhere, or an engine that is installed here."""
    return any(_is_installed(each) for each in state.router.deployments)


def _is_installed(deployment: Deployment) -> bool:
    try:
        check_installed(deployment.target)
    except DependencyError:
        return False
    return True


# Probes


async def probe(state: State, deployments: Sequence[Deployment]) -> dict[str, str]:
    """Ask each of `deployments` for a word or so, which its service charges for. What went wrong, by id.

    A wildcard names no model that could be asked.
    """
    asked = [each for each in deployments if "*" not in each.target.model]
    gate = asyncio.Semaphore(PROBES_AT_ONCE)
    faults = await asyncio.gather(*(_fault(state, each, gate) for each in asked))
    return {each.id: fault for each, fault in zip(asked, faults, strict=True) if fault is not None}


async def _fault(state: State, deployment: Deployment, gate: asyncio.Semaphore) -> str | None:
    async with gate:
        try:
            async with _booked(state, deployment) as entry, asyncio.timeout(PROBE_SECONDS):
                await _ask(state, deployment, entry)
        except TimeoutError:
            return f"no answer within {PROBE_SECONDS:g} s"
        except AudiocliError as error:
            return f"{type(error).__name__}: {error.message}"
    return None


@asynccontextmanager
async def _booked(state: State, deployment: Deployment) -> AsyncIterator[Entry]:
    """A probe counts like a request, in what it costs and in what it shows."""
    entry = Entry(route=_ROUTE, model=deployment.group, status=200)
    state.router.began(deployment)
    state.books.begin(entry, deployment)
    error: ProviderError | None = None
    try:
        yield entry
    except TimeoutError:
        error = DeadlineError("the probe was not answered", retryable=True)
        raise
    except ProviderError as raised:
        error = told(raised, deployment)
        raise error from None
    finally:
        if error is not None:
            entry.status = status_of(error)
            entry.failed(error)
        latency = None if entry.first_byte is None else entry.first_byte - entry.started
        state.router.ended(deployment, error, latency=latency)
        state.books.end(deployment, error)
        state.books.close(entry)


async def _ask(state: State, deployment: Deployment, entry: Entry) -> None:
    if deployment.target.wire != OPENAI_WIRE:
        await _ask_here(state, deployment, entry)
        return
    path, content_type, body = _question(deployment)
    endpoint = deployment.target.endpoint
    headers = {
        "Content-Type": content_type,
        "Accept-Encoding": "identity",
        "User-Agent": "audiocli",
        **endpoint.headers,
        **endpoint.credentials,
    }
    reply = await state.upstream.post(endpoint.at(path), headers, body, proxy=endpoint.proxy)
    try:
        if reply.status >= 300:
            raise refusal(reply.status, reply.headers, await reply.read(MAX_ERROR_BYTES))
        scanner = AnswerScanner()
        scanner.feed(await reply.read(MAX_ANSWER_BYTES))
        entry.answered()
        entry.usage = scanner.usage
    finally:
        reply.close()


async def _ask_here(state: State, deployment: Deployment, entry: Entry) -> None:
    question = ChatRequest(
        model=deployment.target.model, messages=(Message("user", (TextPart(_SPOKEN),)),), max_tokens=1
    )
    provider = state.engines.provider(deployment.target, state.settings.config)
    async with (
        state.engines.place(deployment.target) as turn,
        turn,
        aclosing(provider.stream(question)) as events,
    ):
        async for _ in events:
            entry.answered()


def _question(deployment: Deployment) -> tuple[str, str, bytes]:
    """Where a probe goes, and its content type and body: the least that a model of this kind answers."""
    known = deployment.target.capabilities
    document: Row = {"model": deployment.target.model, **deployment.extra_body}
    match deployment.target.ability:
        case "transcription":
            return ("audio/transcriptions", *_form(deployment.target.model))
        case "speech":
            document |= {"input": "OK", "voice": _voice(deployment)}
            return "audio/speech", "application/json", json.dumps(document).encode()
    document["messages"] = [{"role": "user", "content": _SPOKEN}]
    document[deployment.target.endpoint.max_tokens_field] = PROBE_TOKENS
    if known is not None and known.needs_audio and known.audio_output:
        document["modalities"] = ["text", "audio"]
        document["audio"] = {"voice": _voice(deployment), "format": "wav"}
    return "chat/completions", "application/json", json.dumps(document).encode()


def _voice(deployment: Deployment) -> str:
    known = deployment.target.capabilities
    return known.voices[0] if known and known.voices else "alloy"


def _form(model: str) -> tuple[str, bytes]:
    """A multipart form with half a second of silence."""
    mark = os.urandom(16).hex()
    body = io.BytesIO()
    body.write(f'--{mark}\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'.encode())
    head = 'Content-Disposition: form-data; name="file"; filename="audio.wav"\r\nContent-Type: audio/wav'
    body.write(f"--{mark}\r\n{head}\r\n\r\n".encode() + SILENCE + f"\r\n--{mark}--\r\n".encode())
    return f"multipart/form-data; boundary={mark}", body.getvalue()
