"""The language model: SmolLM2, or any other GGUF file, run by llama.cpp."""

import os
import tempfile
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audiocli.errors import AudiocliError, DependencyError, InputError, ServerError
from audiocli.local.sentences import is_over
from audiocli.local.threads import Emit, stream_from_thread

CONTEXT_TOKENS = 2048  # prompt and answer; 47 MB of memory
MOST_TURNS = CONTEXT_TOKENS // 3  # of which each has its beginning, its role and its end
MOST_CHARACTERS = CONTEXT_TOKENS * 64  # no text has so many to a token
ENOUGH_TOKENS = 60  # about 18 s of speech: the sentence that is being said then is the last
MOST_TOKENS = 160  # where that sentence does not end

# Generation can be stopped between two batches of the prompt: 0.1 s. Larger ones are no faster on one thread.
_BATCH_TOKENS = 16

_THREADS = 1  # More are up to ten times slower while something else runs on their cores.

_STEADY = {"repeat_penalty": 1.1}  # with a low temperature: stops most of its loops


@dataclass(frozen=True)
class Turn:
    """What somebody said: `role` is the chat template's word, `system`, `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to answer. Without `max_tokens` an answer ends with the sentence that makes it long enough.

    It ends before any of `stop`, which is not part of it.
    """

    temperature: float = 0.2
    top_p: float = 0.9
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Thought:
    """A few more letters, and how many tokens there are up to now. The last one has a `finish_reason`."""

    text: str
    input_tokens: int
    output_tokens: int
    finish_reason: str | None = None


class LanguageModel:
    """A model in memory. Threads may share it: it answers one question after the other."""

    def __init__(self, server: Any) -> None:
        self._server = server

    async def think(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Thought, None]:
        """The answer to the last turn. Closing the generator ends the work within 0.2 s.

        Raises `InputError` for a conversation that is too long.
        """
        check_length(turns)
        request = _encode(turns, sampling)
        count = _Counter()
        text = ""
        async with aclosing(self._chunks(request)) as chunks:
            async for chunk in chunks:
                thought = count.decode(chunk)
                if thought is None:
                    continue
                text += thought.text
                if sampling.max_tokens is None and thought.output_tokens >= ENOUGH_TOKENS and is_over(text):
                    yield Thought(thought.text, thought.input_tokens, thought.output_tokens, "stop")
                    return
                yield thought

    def _chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        def work(emit: Emit[dict[str, Any]]) -> None:
            # What the callback raises is lost in C++; what it returns says whether to stop.
            self._server.handle_chat_completions(request, lambda chunk: not emit(chunk))

        return stream_from_thread(work)


_loading = threading.Lock()


def language_model(weights: Path) -> LanguageModel:
    """The model in the file `weights`, loaded in 0.2 s when it is first asked for, and then kept.

    Raises `DependencyError` for what is not a model. A fork has none of its threads, and loads its own.
    """
    with _loading:
        return _kept(weights, os.getpid())


# It is never destroyed: that waits, with the interpreter's lock, for a thread that may want it.
@cache
def _kept(weights: Path, _process: int) -> LanguageModel:
    return LanguageModel(_load(weights))


def _load(weights: Path) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _THREADS
    params.n_ctx = CONTEXT_TOKENS
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.warmup = False
    params.fit_params = False
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = -1
    # It always listens. Nobody can reach a socket whose folder is private, and then gone.
    with tempfile.TemporaryDirectory(prefix="audiocli-") as private:
        params.hostnames = [os.path.join(private, "s.sock")]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as exc:
            raise DependencyError(
                f"the model file {str(weights)!r} cannot be loaded", hint="it must be a GGUF file"
            ) from exc


def check_length(turns: Sequence[Turn]) -> None:
    """Raise `InputError` for what is so long that only counting its tokens would take minutes."""
    if len(turns) > MOST_TURNS or sum(len(turn.text) for turn in turns) > MOST_CHARACTERS:
        raise _too_long(f"more than {CONTEXT_TOKENS:,} tokens")


def _encode(turns: Sequence[Turn], sampling: Sampling) -> dict[str, Any]:
    request = {
        "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": [*sampling.stop],
        "max_tokens": MOST_TOKENS if sampling.max_tokens is None else sampling.max_tokens,
        "stream": True,
        "return_progress": True,  # else it cannot be stopped while it reads the prompt
        "timings_per_token": True,
        **_STEADY,
    }
    return request if sampling.seed is None else {**request, "seed": sampling.seed}


class _Counter:
    """Turns chunks of the answer into thoughts."""

    def __init__(self) -> None:
        self._input = 0
        self._output = 0

    def decode(self, chunk: dict[str, Any]) -> Thought | None:
        """`None` for a chunk that only says how far it is."""
        if error := chunk.get("error"):
            raise _as_error(error)
        timings = chunk.get("timings", {})
        self._input = max(self._input, timings.get("cache_n", 0) + timings.get("prompt_n", 0))
        self._output = max(self._output, timings.get("predicted_n", 0))
        for choice in chunk["choices"]:
            text, reason = choice["delta"].get("content") or "", choice["finish_reason"]
            if text or reason:
                return Thought(text, self._input, self._output, reason)
        return None


def _as_error(error: dict[str, Any]) -> AudiocliError:
    if error.get("type") == "exceed_context_size_error":
        return _too_long(f"{error['n_prompt_tokens']:,} tokens")
    kind = InputError if error.get("code") == 400 else ServerError
    return kind(f"the embedded model failed: {error.get('message')}")


def _too_long(what: str) -> InputError:
    return InputError(
        f"the conversation has {what}, and the limit of the embedded model is {CONTEXT_TOKENS:,}",
        hint="ask something shorter",
        code="context_length_exceeded",
    )
