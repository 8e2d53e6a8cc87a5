"""OpenAI's transcriptions, and every server that has them."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace

from audiocli.catalog import Capabilities
from audiocli.chat import TextDelta
from audiocli.errors import ProviderError, ReplyError
from audiocli.http.client import Reply, post_form
from audiocli.printable import printable
from audiocli.providers.endpoint import Endpoint, common_headers, masked, without_key
from audiocli.providers.reply import check_status, first_of, payloads, rejoined, whole
from audiocli.secret import Secret, StreamRedactor
from audiocli.transcript import Hearing, Limits, Segment, Timing, Transcript, TranscriptionRequest, Word
from audiocli.wire.json import parse
from audiocli.wire.openai import transcription as wire
from audiocli.wire.sse import DONE, EventDecoder

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 300.0  # Half an hour of speech is a minute of silence and more, before all comes at once.

DEFAULT_SECONDS = 600.0
DEFAULT_BYTES = 25 * 2**20
FORM_BYTES = 16 * 2**10
"""What a form has besides its file: OpenAI's limit is of the whole body."""

TOKENS_PER_SECOND = 4.0
"""What fast speech is written down in: three words a second, of four tokens in three words."""

PARALLEL = 4

_PREFERRED_FORMATS = ("flac", "mp3", "wav")  # the smallest that lose nothing first
_SAFE_FORMATS = ("wav", "mp3")  # what every server reads, whatever its decoder
_RICH = "verbose_json"
_PLAIN = "json"
_STREAMED_WHOLE = (_PLAIN, "diarized_json")  # whose streams tell all that their documents do
_FORMAT_REFUSALS = (400, 415, 422)
_FORMAT_WORDS = ("response_format", "verbose", "json", "timestamp", "granularit")


class OpenAITranscriptions:
    """A `Transcriber` that posts to an `Endpoint`.

    It asks for the richest format that the model is `known` to have. One of which nothing is known is asked
    for times first, and without them once it has refused that. `idle_seconds` bounds the silence of the
    service.
    """

    def __init__(
        self, endpoint: Endpoint, known: Capabilities | None = None, *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._endpoint = endpoint
        self._known = known or Capabilities(id="")
        self._idle_seconds = idle_seconds
        self._without_times = False

    @property
    def limits(self) -> Limits:
        return limits_of(self._known)

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        words = _Words(self._endpoint.secret)
        try:
            async with aclosing(self._answers(request)) as events:
                async for event in events:
                    for shown in words.redacted(event):
                        yield shown
        except ProviderError as error:
            # Not from its cause, which holds what the service sent, and would be shown with it.
            raise without_key(error, self._endpoint.secret) from None

    async def _answers(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        format = self._format(request)
        try:
            async with aclosing(self._answer(request, format)) as events:
                async for event in events:
                    yield event
        except ProviderError as error:
            if format != _RICH or not _refuses_format(error) or request.words or request.speakers:
                raise
        else:
            return
        async with aclosing(self._answer(_another(request), _PLAIN)) as events:
            async for event in events:
                self._without_times = True
                yield event

    def _format(self, request: TranscriptionRequest) -> str:
        if self._without_times and not (request.words or request.speakers):
            return _PLAIN
        if self._endpoint.dialect.one_format:
            return _RICH
        known = self._known.output_formats or (_PLAIN, _RICH)
        return wire.response_format_for(known, words=request.words, speakers=request.speakers)

    async def _answer(self, request: TranscriptionRequest, format: str) -> AsyncGenerator[Hearing, None]:
        streamed = self._known.streaming is True and format in _STREAMED_WHOLE
        form = wire.encode_request(request, format, stream=streamed)
        form = wire.completed(form, self._endpoint.added, self._endpoint.left_out)
        form = self._endpoint.dialect.spoken(form, request)
        accept = "text/event-stream" if streamed else "application/json"
        headers = common_headers(self._endpoint, accept, request.idempotency_key)
        url = self._endpoint.at("audio/transcriptions")
        async with post_form(
            url, headers, form, idle_seconds=self._idle_seconds, proxy=self._endpoint.own_proxy
        ) as reply:
            await check_status(reply)
            async with aclosing(_decode(reply, request.duration)) as events:
                async for event in events:
                    yield event


def _another(request: TranscriptionRequest) -> TranscriptionRequest:
    """The same for us; for the service it is none that it has seen."""
    key = request.idempotency_key
    return replace(request, idempotency_key=key and f"{key}-plain")


def limits_of(known: Capabilities) -> Limits:
    """What a model takes in one request, as far as that is known, and what is safe to ask for otherwise."""
    taken = tuple(format for format in _PREFERRED_FORMATS if format in known.input_formats)
    return Limits(
        seconds=_seconds(known),
        bytes=(known.max_file_bytes or DEFAULT_BYTES) - FORM_BYTES,
        formats=taken or _SAFE_FORMATS,
        parallel=PARALLEL,
        prompt=known.prompt is not False,
        timing=_timing(known),
    )


def _seconds(known: Capabilities) -> float:
    """Seconds whose words fit into what the model writes at most.

    One that tells speakers apart is sent all that it takes: the service cuts that for it, and only within
    one request does it know a voice again.
    """
    # An encoder adds some silence, and the service counts it.
    longest = known.max_seconds - 1.0 if known.max_seconds else DEFAULT_SECONDS
    if known.max_output_tokens is None or known.speakers:
        return longest
    return min(longest, known.max_output_tokens / TOKENS_PER_SECOND)


def _timing(known: Capabilities) -> Timing:
    if known.word_times:
        return "word"
    return "segment" if known.segment_times or _RICH in known.output_formats else "piece"


def _refuses_format(error: ProviderError) -> bool:
    """Whether the service would have answered, had it been asked for another format."""
    told = f"{error.param} {error.message}".lower()
    return error.status in _FORMAT_REFUSALS and any(word in told for word in _FORMAT_WORDS)


class _Words:
    """Masks the key wherever an answer holds it, over the pieces of its words too."""

    def __init__(self, key: Secret | None) -> None:
        self._key = key
        self._redactor = StreamRedactor(key)

    def redacted(self, event: Hearing) -> Iterator[Hearing]:
        match event:
            case TextDelta(text):
                yield from self._shown(self._redactor.feed(printable(text)))
            case Transcript():
                yield from self._shown(self._redactor.close())
                yield self._transcript(event)

    def _shown(self, text: str) -> Iterator[TextDelta]:
        if text:
            yield TextDelta(text)

    def _transcript(self, transcript: Transcript) -> Transcript:
        return replace(
            transcript,
            segments=tuple(map(self._segment, transcript.segments)),
            language=self._text(transcript.language),
            notes=tuple(masked(note, self._key) for note in transcript.notes),
        )

    def _segment(self, segment: Segment) -> Segment:
        return replace(
            segment,
            text=masked(segment.text, self._key),
            words=tuple(map(self._word, segment.words)),
            speaker=self._text(segment.speaker),
        )

    def _word(self, word: Word) -> Word:
        return replace(word, text=masked(word.text, self._key))

    def _text(self, text: str | None) -> str | None:
        return None if text is None else masked(text, self._key)


async def _decode(reply: Reply, duration: float) -> AsyncGenerator[Hearing, None]:
    """What comes of a reply, which is a stream where it says so, else a document of any kind.

    A service that is asked for a stream may send a document.
    """
    async with aclosing(reply.pieces()) as pieces:
        first = await first_of(pieces)
        async with (
            aclosing(rejoined(first, pieces)) as body,
            aclosing(_decode_body(reply, first, body, duration)) as events,
        ):
            async for event in events:
                yield event


async def _decode_body(
    reply: Reply, first: bytes, body: AsyncIterator[bytes], duration: float
) -> AsyncGenerator[Hearing, None]:
    if reply.media_type == "text/event-stream" and not first.startswith(b"{"):
        async with aclosing(_decode_stream(body, duration)) as events:
            async for event in events:
                yield event
    else:
        document = await whole(body, MAX_DOCUMENT_BYTES)
        if first.startswith(b"[") and reply.media_type == "application/json":
            parse(document)  # It says itself that it is no text, such as [Music].
        yield wire.decode_answer(document, duration)


async def _decode_stream(pieces: AsyncIterator[bytes], duration: float) -> AsyncGenerator[Hearing, None]:
    lines, hearing = EventDecoder(), wire.StreamDecoder(duration)
    async with aclosing(payloads(lines, pieces)) as events:
        async for payload in events:
            for delta in hearing.feed(payload):
                yield delta
            if payload == DONE:
                break
    for payload in lines.close():
        with suppress(ReplyError):  # It may be half of an event. If that is missed, it is said below.
            for delta in hearing.feed(payload):
                yield delta
    try:
        (transcript,) = hearing.close()
    except ReplyError as error:
        error.retryable = True  # Half a transcript is of no use, and its words are provisional.
        raise
    yield transcript
