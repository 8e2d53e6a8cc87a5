"""`transcription` and `atranscription`, as OpenAI and LiteLLM have them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Literal

from audiocli.catalog.dates import today
from audiocli.client import cost
from audiocli.errors import UsageError
from audiocli.library.blocking import blocking
from audiocli.library.transcribing import Transcript, heard
from audiocli.recordings.job import JobOptions
from audiocli.sdk.calls import hidden_params, open_ended, reached, seconds
from audiocli.sdk.document import Document
from audiocli.subtitles.captions import encode_text
from audiocli.wire.openai.transcripts import encode_document

File = str | os.PathLike[str] | bytes | BinaryIO
Named = tuple[str | None, File] | tuple[str | None, File, str]
Format = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]

_TIMED = ("srt", "vtt", "verbose_json")


@open_ended
async def atranscription(
    model: str,
    file: File | Named,
    *,
    language: str | None = None,
    prompt: str | None = None,
    response_format: Format | None = None,
    temperature: float | None = None,
    timestamp_granularities: Sequence[Literal["word", "segment"]] | None = None,
    api_base: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    api_version: str | None = None,
    custom_llm_provider: str | None = None,
    organization: str | None = None,
    timeout: float | str | None = None,  # noqa: ASYNC109 - of each request; the name is LiteLLM's
    num_retries: int | None = None,
    max_retries: int | None = None,
    headers: Mapping[str, str] | None = None,
    extra_headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Document:
    """What is said in `file`, of any length, in the document that `response_format` names.

    `file` is a path, bytes, an open binary file, or a name and one of these. The text of `text`, `srt` and
    `vtt` is in `text`. The other arguments are `completion`'s. Raises `AudiocliError`.
    """
    if extra_body:
        raise UsageError(f"{min(extra_body)} is not a field of a transcription", hint="leave it out")
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
        purpose="transcription",
    )
    granularities = tuple(timestamp_granularities or ())
    options = JobOptions(
        language=language,
        prompt=prompt,
        words="word" in granularities,
        timed=response_format in _TIMED,
        speakers=response_format == "diarized_json",
        temperature=temperature,
    )
    transcript = await heard(_content(file), options, target, settings, timeout=limit, retries=retries)
    document = _document(transcript, response_format or "json", granularities)
    dollars = cost(transcript.usage, target.prices_on(today()), seconds=transcript.duration)
    return Document(document, hidden_params(target, dollars))


transcription = blocking(atranscription)


def _document(transcript: Transcript, format: str, granularities: tuple[str, ...]) -> dict[str, Any]:
    match format:
        case "srt":
            return {"text": transcript.srt()}
        case "vtt":
            return {"text": transcript.vtt()}
        case "text":
            return {"text": encode_text(transcript)}
        case "json" if granularities:  # which has no place for times: LiteLLM asks for the other then
            return encode_document(transcript, "verbose_json", granularities)
        case "json" | "verbose_json" | "diarized_json":
            return encode_document(transcript, format, granularities)
    raise UsageError(
        f"unsupported response_format {format!r}", hint="use json, text, srt, vtt or verbose_json"
    )


def _content(file: File | Named) -> str | os.PathLike[str] | bytes:
    if isinstance(file, tuple):
        return _content(file[1])
    if isinstance(file, str | bytes | os.PathLike):
        return file
    return file.read()
