"""`speech` and `aspeech`, as OpenAI and LiteLLM have them."""

import os
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from audiocli.catalog.dates import today
from audiocli.chat import Usage
from audiocli.client import speech_cost
from audiocli.files import AtomicFile
from audiocli.library.blocking import blocking
from audiocli.library.connection import untold
from audiocli.providers.registry import speaker
from audiocli.providers.retry import Retrying
from audiocli.sdk.calls import hidden_params, open_ended, reached, seconds
from audiocli.wire.openai.speech import SpeechRequest

DEFAULT_VOICE = "alloy"


class Speech:
    """Sound in the format that was asked for, with the methods of OpenAI's binary answers."""

    def __init__(self, content: bytes, hidden: Mapping[str, Any]) -> None:
        self.content = content
        self._hidden_params = dict(hidden)
        """LiteLLM's name for what is known beside the sound, such as its `response_cost`."""

    def read(self) -> bytes:
        return self.content

    def iter_bytes(self, chunk_size: int = 64 * 1024) -> Iterator[bytes]:
        """The sound in pieces of `chunk_size` bytes."""
        for start in range(0, len(self.content), chunk_size):
            yield self.content[start : start + chunk_size]

    def write_to_file(self, file: str | os.PathLike[str]) -> None:
        """Write the sound to a file, which has its name only when it is whole. Raises `OutputError`."""
        written = AtomicFile(os.fspath(file))
        try:
            written.write(self.content)
            written.commit()
        except BaseException:
            written.discard()
            raise

    stream_to_file = write_to_file


@open_ended
async def aspeech(
    model: str,
    input: str,  # noqa: A002 - OpenAI's name
    voice: str | Mapping[str, Any] = DEFAULT_VOICE,
    *,
    response_format: str | None = None,
    speed: float | None = None,
    instructions: str | None = None,
    api_base: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    api_version: str | None = None,
    custom_llm_provider: str | None = None,
    organization: str | None = None,
    timeout: float | str | None = None,  # noqa: ASYNC109 - for all tries; the name is LiteLLM's
    num_retries: int | None = None,
    max_retries: int | None = None,
    headers: Mapping[str, str] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Speech:
    """`input` read aloud by `voice`, as mp3 or as `response_format` says; `speed` is 0.25 to 4.

    The other arguments are `completion`'s. Raises `AudiocliError`.
    """
    limit = seconds(timeout)
    retries = max_retries if num_retries is None else num_retries
    target, settings = reached(
        model,
        api_base=api_base or base_url,
        api_key=api_key,
        api_version=api_version,
        custom_llm_provider=custom_llm_provider,
        organization=organization,
        timeout=limit,
        retries=retries,
        headers={**(headers or {}), **(extra_headers or {})},
    )
    request = SpeechRequest(
        model=target.model,
        text=input,
        voice=str(voice["id"]) if isinstance(voice, Mapping) else voice,
        format=response_format or "mp3",
        speed=1.0 if speed is None else speed,
        instructions=instructions,
        extra=extra_body or {},
    )
    asked = Retrying(
        speaker(target, settings, untold), retries=target.tries(retries), timeout=target.seconds(limit)
    )
    content = await _collected(asked.stream(request))
    dollars = speech_cost(Usage(), input, target.prices_on(today()))
    return Speech(content, hidden_params(target, dollars))


speech = blocking(aspeech)


async def _collected(pieces: AsyncGenerator[bytes, None]) -> bytes:
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])
