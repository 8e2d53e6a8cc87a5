"""Write down what is said, with our own types."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from audiocli.catalog.dates import today
from audiocli.config import Config
from audiocli.errors import ReplyError, UsageError
from audiocli.library.blocking import blocking
from audiocli.library.connection import configured
from audiocli.providers.target import Target
from audiocli.recordings.connecting import connecting, connecting_to
from audiocli.recordings.executor import REQUESTS, LocalExecutor
from audiocli.recordings.job import Heard, Job, JobEvent, JobOptions
from audiocli.subtitles.captions import encode_srt, encode_vtt
from audiocli.transcript import Transcript as Plain

Recording = str | os.PathLike[str] | bytes
"""A file's path, an http address, or what is in a file. The content tells the format."""


@dataclass(frozen=True, kw_only=True)
class Transcript(Plain):
    """A transcript that writes itself as subtitles."""

    def srt(self) -> str:
        """SubRip."""
        return encode_srt(self)

    def vtt(self) -> str:
        """WebVTT."""
        return encode_vtt(self)


async def atranscribe(
    audio: Recording,
    *,
    model: str | None = None,
    language: str | None = None,
    prompt: str | None = None,
    words: bool = False,
    speakers: bool = False,
    timed: bool = True,
    start: float = 0.0,
    end: float | None = None,
    force: bool = False,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - of each request, of which there may be many
    retries: int | None = None,
    show: Callable[[str], None] | None = None,
) -> Transcript:
    """What is said in a recording of any length, from `start` to `end` (seconds).

    `words` asks for the times of each word, `speakers` for who speaks, `timed` for times that subtitles can
    have; of these and of the key depends which model is asked where none is named. `language` is a code such
    as `en`; `prompt` has names and terms that are said. `show` is told of text as it is recognised, which is
    provisional. `timeout` is in seconds, of each piece that is sent. Raises `AudiocliError`.
    """
    if timeout is not None and not timeout > 0:
        raise UsageError("timeout must be more than 0 seconds")
    options = JobOptions(
        model=model,
        base_url=base_url,
        language=language,
        prompt=prompt,
        words=words,
        speakers=speakers,
        timed=timed,
        start=start,
        end=end,
        force=force,
    )
    connect = connecting(
        configured(base_url, api_key, model),
        requests=REQUESTS,
        retries=retries,
        timeout=timeout,
        today=today(),
    )
    async with _in_file(audio) as path:
        return await _transcript(LocalExecutor(connect), Job(path, options), show)


async def heard(
    audio: Recording,
    options: JobOptions,
    target: Target,
    settings: Config,
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - of each request, of which there may be many
    retries: int | None = None,
) -> Transcript:
    """What `target` hears in a recording. Raises `AudiocliError`."""
    connect = connecting_to(
        target, settings, requests=REQUESTS, retries=retries, timeout=timeout, today=today()
    )
    async with _in_file(audio) as path:
        return await _transcript(LocalExecutor(connect), Job(path, options), None)


transcribe = blocking(atranscribe)


async def _transcript(executor: LocalExecutor, job: Job, show: Callable[[str], None] | None) -> Transcript:
    last: JobEvent | None = None
    async with aclosing(executor.run(job)) as events:
        async for last in events:
            if show is not None and isinstance(last, Heard):
                show(last.text)
    if not isinstance(last, Plain):
        raise ReplyError("the answer has no transcript in it")
    return Transcript(**vars(last))


@asynccontextmanager
async def _in_file(audio: Recording) -> AsyncIterator[str]:
    """Where a job finds the recording."""
    if not isinstance(audio, bytes):
        name = os.fspath(audio)
        yield name if "://" in name else _absolute(name)
        return
    with tempfile.TemporaryDirectory(prefix="audiocli-") as folder:
        path = os.path.join(folder, "audio")
        await asyncio.to_thread(_write, path, audio)
        yield path


def _absolute(name: str) -> str:
    return os.path.abspath(name) if name else name  # What has no name is not the working folder.


def _write(path: str, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
