"""A server's answer on its way to the client: as a stream of events, as a document, or as sound."""

import asyncio
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from audiocli.audio.passing_by import Length
from audiocli.chat import PCM_BYTES_PER_SECOND
from audiocli.errors import AuthenticationError, ConnectError, ProviderError, ReplyError
from audiocli.gateway.answer import Answer
from audiocli.gateway.booking import Entry
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.replies import Header, header_value
from audiocli.gateway.requests import SPEECH, Request
from audiocli.gateway.streaming import MB, Patience, pass_stream
from audiocli.gateway.upstream import Reply
from audiocli.providers.endpoint import OPENAI_DIALECT, Dialect, without_key
from audiocli.providers.reply import refusal
from audiocli.router import Deployment
from audiocli.wire.errors import answer_error, decode_error, is_error
from audiocli.wire.json import decode_base64, parse
from audiocli.wire.openai.normalise import AnswerScanner, decode_unstreamed
from audiocli.wire.openai.speech import MEDIA_TYPES, decode_document, media_type_of

MAX_ERROR_BYTES = 256 * 1024
MAX_SPEECH_BYTES = 64 * 1024 * 1024
ERROR_SECONDS = 5.0  # for the body of an error: its status alone says enough
EVENT_STREAM = "text/event-stream"
RAW = "audio/pcm"
PAGES = ("text/html", "application/xhtml+xml")

_PASSED_ON = ("content-type", "content-disposition", "openai-processing-ms", "openai-version")
_PASSED_ON_PREFIX = "x-ratelimit-"


class UpstreamAuthError(AuthenticationError):
    """A service does not let the gateway in. The client's own key is right, and it is told nothing more."""

    http_status = 502

    def __init__(self) -> None:
        super().__init__(
            "the gateway is not let in by the model's service",
            type="upstream_auth_error",
            code="upstream_auth_error",
        )


async def pass_on(reply: Reply, request: Request, answer: Answer, settings: Settings) -> None:
    """Send the client what a server answers. Raises `ProviderError`; nothing has gone out then, or the
    answer has begun.
    """
    if reply.status >= 300:
        raise await _refusal(reply)
    if reply.headers.get("content-encoding", "identity").lower() != "identity":
        raise ReplyError("the service sent a compressed answer, which it was not asked for")
    if reply.media_type == EVENT_STREAM and (request.streams or not request.chats):
        await pass_stream(reply, _headers(reply), request, answer, settings)
    elif request.chats and request.streams:
        raise decode_unstreamed(await reply.read(MAX_ERROR_BYTES))
    elif request.path == SPEECH and reply.media_type.endswith("json"):
        await _pass_decoded_sound(reply, request, answer)
    elif request.chats or reply.media_type.endswith("json"):
        await _pass_document(reply, request, answer, settings)
    elif reply.media_type in PAGES:
        raise ReplyError("the service sent a web page in place of an answer")
    else:
        await _pass_sound(reply, request, answer, settings)


def told(error: ProviderError, deployment: Deployment) -> ProviderError:
    """What a client is told of `error`: the service's own words, without the key, and without advice that is
    for those who run the gateway.
    """
    if isinstance(error, AuthenticationError):
        return UpstreamAuthError()
    error.message = error.message.removesuffix(f" (HTTP {error.status})")
    error.hint = None
    return without_key(error, deployment.target.secret)


async def _refusal(reply: Reply) -> ProviderError:
    if not 400 <= reply.status < 600:  # a redirect, or a number that HTTP does not have
        code = "upstream_redirect" if reply.status < 400 else "upstream_protocol_error"
        return ReplyError(f"the model's server answered with HTTP {reply.status}", code=code)
    if reply.status == 407:
        return ConnectError("the proxy refused the connection (HTTP 407)", code="upstream_unreachable")
    body = b""
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(ERROR_SECONDS):
            body = await reply.read(MAX_ERROR_BYTES)
    return refusal(reply.status, reply.headers, body)


# Documents and sound


async def _pass_document(reply: Reply, request: Request, answer: Answer, settings: Settings) -> None:
    """A document is held until its usage is known, which tells its cost in the headers, as far as the buffer
    for one answer goes.
    """
    scanner, held, size = AnswerScanner(), [], 0
    while block := await reply.block():
        answer.entry.answered()
        scanner.feed(block)
        held.append(block)
        size += len(block)
        if size > settings.bounds.stream_buffer_mb * MB:
            _check_beginning(scanner, request)
            break
    else:
        _check_document(scanner, held, request)
        if request.chats and scanner.usage is None:
            answer.entry.spoken = _sound(parse(b"".join(held)))
    answer.entry.usage = scanner.usage
    length = reply.headers.get("content-length") if block else str(size)
    await answer.begin(reply.status, _headers(reply, length))
    if block:
        await _pass_rest(reply, scanner, held, answer)
    else:
        for each in held[:-1]:
            await answer.write(each)
        await answer.end(held[-1])


def _check_beginning(scanner: AnswerScanner, request: Request) -> None:
    """Raise `ReplyError` for what does not begin as an answer, however much of it there is."""
    if not scanner.begun or (request.chats and "choices" not in scanner.begun):
        raise ReplyError("the service sent something in place of an answer")


def _check_document(scanner: AnswerScanner, held: Sequence[bytes], request: Request) -> None:
    """Raise `ReplyError` for what is no answer, and the error that it is in place of one.

    What looks like an answer is not parsed.
    """
    names = scanner.names
    if names and names.isdisjoint(_SUSPICIOUS) and (not request.chats or _has_choices(names, held)):
        return
    document = parse(b"".join(held))
    if error := answer_error(document):
        raise error
    choices = document.get("choices")
    if request.chats and not (choices and isinstance(choices, list)):
        raise ReplyError("the service sent something in place of an answer")


_SUSPICIOUS = frozenset({"error", "message", "detail", "errors", "msg", "type"})
"""Members that make a document worth a look: answers have none of them."""

_NO_CHOICES = re.compile(rb'"choices"\s*:\s*(?:\[\s*\]|null)')


def _has_choices(names: Collection[str], held: Sequence[bytes]) -> bool:
    """Whether a document has choices, none of which is an error."""
    return "choices" in names and not any(b'"error"' in each or _NO_CHOICES.search(each) for each in held)


def _sound(document: dict[str, Any]) -> Length:
    """How long the answer of a chat is that does not say what it used."""
    length = Length()
    match document:
        case {"choices": [{"message": {"audio": {"data": str(data)}}}, *_]}:
            with suppress(ReplyError):  # What is no sound is for the client to judge.
                length.count(decode_base64(data))
    return length


async def _pass_rest(reply: Reply, scanner: AnswerScanner, held: Sequence[bytes], answer: Answer) -> None:
    for block in held:
        await answer.write(block)
    while block := await reply.block():
        scanner.feed(block)
        await answer.write(block)
    answer.entry.usage = scanner.usage
    await answer.end()


async def _pass_sound(reply: Reply, request: Request, answer: Answer, settings: Settings) -> None:
    """Sound, and the text of a transcription, go on as they come, unless they begin as an error does."""
    patience = Patience(settings.bounds.stream_idle_timeout)
    length = Length(PCM_BYTES_PER_SECOND if reply.media_type == RAW else None)
    first = await _first(reply, patience)
    while block := first or await patience.block(reply):
        first = b""
        length.count(block)
        if not answer.begun:
            await answer.begin(reply.status, _headers(reply, reply.headers.get("content-length")))
            _book_speech(request, answer.entry, length)
        await answer.write(block)
    if not answer.begun:
        raise ReplyError("the service sent an empty answer")
    await answer.end()


async def _pass_decoded_sound(reply: Reply, request: Request, answer: Answer) -> None:
    """Mistral's speech is a document with the sound in it: clients would save it as it is."""
    received = decode_document(await reply.read(MAX_SPEECH_BYTES))
    answer.entry.answered()
    format, dialect = _format_and_dialect(request, answer.entry)
    sound = await asyncio.to_thread(dialect.sound, received, format)
    kind = MEDIA_TYPES.get(format, MEDIA_TYPES["mp3"])
    media_type = kind if kind == RAW else media_type_of(sound, kind)  # Samples may begin as anything does.
    headers = [each for each in _headers(reply) if each[0] != b"content-type"]
    length = Length(PCM_BYTES_PER_SECOND if kind == RAW else None)
    length.count(sound)
    _book_speech(request, answer.entry, length)
    size = (b"content-length", str(len(sound)).encode())
    await answer.begin(200, [*headers, (b"content-type", media_type.encode()), size])
    await answer.end(sound)


def _format_and_dialect(request: Request, entry: Entry) -> tuple[str, Dialect]:
    """The format that a service has been asked for speech in, and how it differs from OpenAI's."""
    deployment = entry.deployment
    added = deployment.extra_body.get("response_format") if deployment else None
    dialect = deployment.target.dialect if deployment else OPENAI_DIALECT
    return request.sound_format or str(added or ""), dialect


async def _first(reply: Reply, patience: Patience) -> bytes:
    """The first of a body; raises the error that the whole of a short one is, whatever it says that it is."""
    first = await patience.block(reply)
    while _MAY_BE_ERROR.match(first) and len(first) < MAX_ERROR_BYTES:
        if not (block := await patience.block(reply)):
            _check_text(first)
            break
        first += block
    return first


def _check_text(body: bytes) -> None:
    try:
        document = parse(body)
    except ReplyError:
        return  # It is a text that begins like this.
    if is_error(document):
        raise decode_error(document)


# Sound never begins so, but for raw samples, and these only by chance.
_MAY_BE_ERROR = re.compile(rb'\s*\{\s*(?:"[a-z_]{0,40}(?:"|\Z)|\Z)|\s*\Z')


def _book_speech(request: Request, entry: Entry, length: Length) -> None:
    """No service says what it counts for speech: what it sends is measured."""
    if request.path == SPEECH:
        entry.spoken, entry.first_audio = length, entry.first_byte


def _headers(reply: Reply, length: str | None = None) -> list[Header]:
    """The server's headers that are the client's business, and the body's `length` where it is known.

    A stream has none, even where the server told one: what goes out is not what came.
    """
    own = [
        (name.lower().encode("latin-1"), header_value(value))
        for name, value in reply.headers.items()
        if name.lower() in _PASSED_ON or name.lower().startswith(_PASSED_ON_PREFIX)
    ]
    return own if length is None else [*own, (b"content-length", length.encode())]
