"""The embedded model as a provider: no key, no account, no network once its weights are here.

It answers as a hosted audio model does, in ids, times and tokens, so that nothing downstream knows the
difference. It is a small model and often wrong.
"""

import asyncio
import importlib.util
import math
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from audiocli.audio.containers.wav import wav_header
from audiocli.chat import (
    PCM_BYTES_PER_SECOND,
    AudioDelta,
    AudioOutput,
    AudioPart,
    AudioStarted,
    ChatRequest,
    Event,
    Finished,
    Message,
    RawPart,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.errors import CapabilityError, DependencyError, InputError, ServerError, install_hint
from audiocli.local.engine import Sound, speak_thoughts
from audiocli.local.listen import Listener
from audiocli.local.speak import choose_speaker, find_flite, start_warming_up
from audiocli.local.think import LanguageModel, Thought, Turn, language_model
from audiocli.local.threads import call_in_thread
from audiocli.local.weights import Progress, locate
from audiocli.printable import quoted
from audiocli.providers.base import not_understood
from audiocli.providers.embedded.members import sampling

MODEL = "smollm2-135m"

INPUT_AUDIO_TOKENS_PER_SECOND = 10
BYTES_PER_AUDIO_TOKEN = PCM_BYTES_PER_SECOND // 20  # 50 ms
AUDIO_LIFETIME = 3600  # seconds for which a spoken answer can be named by its id

_PACKAGES = ("xllamacpp", "onnxruntime", "pocketsphinx", "espeakng_loader", "soxr")
_FORMATS = ("pcm16", "wav")
_ROLES = {"developer": "system"}  # what SmolLM2's template knows
_MOST_REMEMBERED = 100  # spoken answers
_NOTHING = Thought("", 0, 0)


@dataclass(frozen=True)
class _Said:
    words: str
    expires_at: int


_remembered: dict[str, _Said] = {}
"""What this process has said, by audio id, the oldest first: a later call may have a provider of its own."""


@dataclass(frozen=True)
class _Conversation:
    turns: tuple[Turn, ...]
    heard: float  # seconds of sound


class LocalProvider:
    """Hears, thinks and speaks in this process and its children; see `Provider`.

    `model_path` is a GGUF file to use in place of SmolLM2, which is otherwise fetched once into `cache_dir`,
    as is the model that hears; `progress` is told how far that is. Models are loaded by the first request
    that needs them and stay. Voices are those of `local.speak`; any other name stands for the default one.
    """

    def __init__(self, model_path: Path | None, cache_dir: Path, progress: Progress) -> None:
        self._model_path = model_path
        self._cache_dir = cache_dir
        self._progress = progress
        self._listener = Listener(cache_dir, progress)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        _check(request)
        chosen = sampling(request)
        conversation, model = await self._prepare(request)
        thoughts = model.think(conversation.turns, chosen)
        if request.audio:
            events = self._say(thoughts, conversation.heard, request.audio)
        else:
            events = self._write(thoughts, conversation.heard)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _prepare(self, request: ChatRequest) -> tuple[_Conversation, LanguageModel]:
        """Hears what was said while the model is loaded."""
        if any(isinstance(part, AudioPart) for message in request.messages for part in message.parts):
            await self._listener.prepare()
        loading = asyncio.create_task(self._load())
        if request.audio:
            start_warming_up()
        try:
            conversation = await self._understand(request.messages)
            return conversation, await loading
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)

    async def _load(self) -> LanguageModel:
        weights = await locate(self._model_path, self._cache_dir, self._progress)
        return await call_in_thread(lambda: language_model(weights))

    async def _understand(self, messages: tuple[Message, ...]) -> _Conversation:
        turns = []
        heard = 0.0
        for message in messages:
            text, seconds = await self._read(message)
            turns.append(Turn(_ROLES.get(message.role, message.role), text))
            heard += seconds
        return _Conversation(tuple(turns), heard)

    async def _read(self, message: Message) -> tuple[str, float]:
        """What a message says, in writing and in sound, and the seconds of its sound."""
        if message.audio_id is not None:
            return _recall(message.audio_id), 0.0
        texts = []
        heard = 0.0
        for part in message.parts:
            match part:
                case AudioPart(source):
                    recognition = await self._listener.listen(source)
                    heard += recognition.duration
                    texts.append(recognition.text)
                case TextPart(text):
                    texts.append(text)
                case RawPart({"type": "text", "text": str(text)}):  # with marks that are for a service
                    texts.append(text)
                case RawPart():
                    raise not_understood(part, "the embedded model")
        if heard and not any(texts):
            raise InputError("no words can be heard in the audio", hint="speak clearly, in English")
        return "\n".join(text for text in texts if text), heard

    async def _write(
        self, thoughts: AsyncGenerator[Thought, None], heard: float
    ) -> AsyncGenerator[Event, None]:
        last = _NOTHING
        async with aclosing(thoughts):
            async for last in thoughts:
                if last.text:
                    yield TextDelta(last.text)
        yield self._finish(last, heard)

    async def _say(
        self, thoughts: AsyncGenerator[Thought, None], heard: float, wanted: AudioOutput
    ) -> AsyncGenerator[Event, None]:
        sound = bytearray() if wanted.format == "wav" else None  # its header says how long it is
        last, words, size = _NOTHING, "", 0
        audio_id = f"audio_{secrets.token_hex(16)}"
        yield AudioStarted(audio_id)
        async with aclosing(speak_thoughts(thoughts, choose_speaker(wanted.voice, find_flite()))) as stream:
            async for item in stream:
                match item:
                    case Thought():
                        last, words = item, words + item.text
                        if item.text:
                            yield TranscriptDelta(item.text)
                    case Sound(pcm):
                        size += len(pcm)
                        if sound is None:
                            yield AudioDelta(pcm)
                        else:
                            sound += pcm
        if sound is not None:
            yield AudioDelta(wav_header(len(sound)) + sound)
        yield _remember(audio_id, self._finish(last, heard, size), words)

    def _finish(self, last: Thought, heard: float, sound: int = 0) -> Finished:
        """`sound` counts bytes of pcm16."""
        if last.finish_reason is None:
            raise ServerError("the embedded model stopped in the middle of its answer")
        name = self._model_path.stem if self._model_path else MODEL
        return Finished(
            finish_reason=last.finish_reason,
            id=f"chatcmpl-{secrets.token_hex(12)}",
            model=f"local/{name}",
            created=int(time.time()),
            usage=_count(last, heard, sound),
        )


def _remember(audio_id: str, finished: Finished, words: str) -> Finished:
    """Keeps what a spoken answer said, for a later message that names it by its id."""
    expires_at = (finished.created or 0) + AUDIO_LIFETIME
    _remembered[audio_id] = _Said(words, expires_at)
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.pop(next(iter(_remembered)), None)
    return replace(finished, audio_id=audio_id, expires_at=expires_at)


def _recall(audio_id: str) -> str:
    said = _remembered.get(audio_id)
    if said is None or said.expires_at < time.time():
        raise InputError(
            f"the embedded model does not know the audio id {quoted(audio_id)}",
            hint="send what was said as text",
            param="messages",
        )
    return said.words


def require_packages() -> None:
    """Raise `DependencyError` where the extra `local` is not installed."""
    if any(importlib.util.find_spec(package) is None for package in _PACKAGES):
        hint = f"{install_hint('local')}, or set OPENAI_API_KEY to use a hosted one"
        raise DependencyError("the embedded model is not installed", hint=hint)


def _check(request: ChatRequest) -> None:
    require_packages()
    if request.audio and request.audio.format not in _FORMATS:
        raise CapabilityError(
            f"the embedded model does not make {request.audio.format!r}",
            hint=f"ask for {' or '.join(_FORMATS)}",
            param="audio.format",
        )


def _count(last: Thought, heard: float, sound: int) -> Usage:
    input_audio = math.ceil(heard * INPUT_AUDIO_TOKENS_PER_SECOND)
    output_audio = -(-sound // BYTES_PER_AUDIO_TOKEN)
    return Usage(
        input_tokens=last.input_tokens + input_audio,
        output_tokens=last.output_tokens + output_audio,
        input_audio_tokens=input_audio,
        output_audio_tokens=output_audio,
    )
