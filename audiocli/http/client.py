"""The uses of HTTP: `post` a document or a form to a service, `fetch` a file that a user names."""

import asyncio
import os
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

import httpx
import pybase64

from audiocli.errors import ConfigError, ConnectError, DeadlineError, InputError, ReplyError
from audiocli.http.addresses import Address, check_named, check_redirected
from audiocli.http.proxies import proxy_for
from audiocli.http.transport import CONNECT_SECONDS, DirectTransport, blocks_of, trusting
from audiocli.http.trust import advice
from audiocli.printable import one_line, quoted
from audiocli.secret import without_secrets
from audiocli.wire.json import Segment, content_length

if TYPE_CHECKING:
    from audiocli.wire.openai.transcription import (
        Form,  # A question has no use for it, and would wait for it.
    )

MAX_REPLY_BYTES = 256 * 1024 * 1024
MAX_REFUSAL_BYTES = 1024 * 1024
MAX_REDIRECTS = 5
INFLATE_BYTES = 256 * 1024
TOO_LARGE = "raise the limit of the input"
ENCODE_BYTES = 3 * 16 * 1024  # A multiple of 3, so that the base64 of each block needs no padding.


class TooLargeError(ReplyError):
    """More arrived than was allowed."""


class RefusedError(InputError):
    """An address answered, but with `status` in place of what is there; `body` says why, if anything does."""

    def __init__(self, message: str, *, hint: str, status: int, body: bytes) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.body = body


class Reply:
    """What came back: its status, its headers (found by any case), and its body in bounded pieces.

    The body must not be silent for longer than `idle_seconds`. Any byte is a sign of life: a service that
    thinks for long sends comments. How long the whole may take is for the caller to say.
    """

    def __init__(self, response: httpx.Response, idle_seconds: float) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._idle_seconds = idle_seconds

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def pieces(self, max_bytes: int = MAX_REPLY_BYTES) -> AsyncGenerator[bytes, None]:
        """The body, decompressed. Raises `ConnectError` where it is cut off, `DeadlineError` where it stops
        coming, `TooLargeError` beyond `max_bytes`.
        """
        received = 0
        body = _body_decoder(self.headers.get("content-encoding", "identity"))
        with _mapped_errors():
            async with aclosing(blocks_of(self._response.stream)) as raw:
                while (piece := await self._next(raw)) is not None:
                    for part in body.decode(piece):
                        received += len(part)
                        if received > max_bytes:
                            raise TooLargeError(f"the service sent more than {max_bytes / 1e6:.3g} MB")
                        yield part
        body.close()

    async def read(self, max_bytes: int = MAX_REPLY_BYTES) -> bytes:
        """The whole body; raises as `pieces` does."""
        body = bytearray()
        async with aclosing(self.pieces(max_bytes)) as pieces:
            async for piece in pieces:
                body += piece
        return bytes(body)

    async def _next(self, raw: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await anext(raw, None)
        except TimeoutError:
            raise DeadlineError(f"the service was silent for {self._idle_seconds:g} s") from None


class _Identity:
    """A body as it is."""

    def decode(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def close(self) -> None:
        pass


class _Inflater:
    """A compressed body, never decompressed into more than `INFLATE_BYTES` at once.

    Raises `ReplyError` for one that is broken, and in `close` for one that is cut off.
    """

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)  # gzip's header or zlib's
        self._begun = False

    def decode(self, piece: bytes) -> Iterator[bytes]:
        self._begun = True
        try:
            while not self._inflater.eof:
                part = self._inflater.decompress(piece, INFLATE_BYTES)
                piece = self._inflater.unconsumed_tail
                yield part
                if not piece and len(part) < INFLATE_BYTES:
                    return
        except zlib.error:
            raise ReplyError("the service sent a body whose compression is broken") from None

    def close(self) -> None:
        if self._begun and not self._inflater.eof:
            raise ReplyError("the service sent a body that ends in the middle of its compression")


def _body_decoder(encoding: str) -> _Identity | _Inflater:
    match encoding.strip().lower():
        case "identity" | "":
            return _Identity()
        case "gzip" | "x-gzip" | "deflate":
            return _Inflater()
    raise ReplyError(
        f"the service sent a body compressed as {one_line(encoding, 40)!r}, which was not asked for"
    )


@asynccontextmanager
async def post(
    url: str,
    headers: Mapping[str, str],
    body: Sequence[Segment],
    *,
    idle_seconds: float,
    proxy: str | None = None,
) -> AsyncGenerator[Reply, None]:
    """Send `body` and give the reply, once its headers are there. Leaving the context closes the connection.

    Redirects are not followed: they could lead a key elsewhere. `proxy` leads there, if it is not what the
    environment names. Raises `ConnectError` and `DeadlineError`, and `InputError` for an address that is not
    valid and for an audio file that has become shorter since it was looked at.
    """
    with _mapped_errors():
        length = str(content_length(list(body)))
        request = _request("POST", _parsed_url(url), {**headers, "Content-Length": length}, _Written(body))
        async with _sent(request, proxy=proxy) as response:
            yield Reply(response, idle_seconds)


@asynccontextmanager
async def post_form(
    url: str, headers: Mapping[str, str], form: "Form", *, idle_seconds: float, proxy: str | None = None
) -> AsyncGenerator[Reply, None]:
    """Send `form` as multipart/form-data, its file block by block, and give the reply as `post` does.

    Raises what `post` raises.
    """
    with _mapped_errors(), form.source.open() as file:
        request = _form_request(_parsed_url(url), headers, form, file)
        async with _sent(request, proxy=proxy) as response:
            yield Reply(response, idle_seconds)


def _form_request(url: httpx.URL, headers: Mapping[str, str], form: "Form", file: BinaryIO) -> httpx.Request:
    """A request that httpx has encoded; its headers say how long it is."""
    fields: dict[str, list[str]] = {}
    for name, value in form.fields:
        fields.setdefault(_sendable(name), []).append(_sendable(value))
    encoded = httpx.Request(
        "POST",
        url,
        data=fields,
        files={form.file_field: (_sendable(form.file_name), file, form.media_type)},
    )
    length = encoded.headers["Content-Length"]
    assert isinstance(encoded.stream, httpx.AsyncByteStream)  # noqa: S101 - httpx's multipart streams are
    body = _Measured(encoded.stream, int(length))
    described = {"Content-Type": encoded.headers["Content-Type"], "Content-Length": length}
    return _request("POST", url, {**headers, **described}, body)


def _sendable(text: str) -> str:
    """`text` as UTF-8 can hold it: a file's name may have bytes that are no text."""
    return text.encode("utf-8", "replace").decode()


def _request(
    method: str, url: httpx.URL, headers: Mapping[str, str], stream: httpx.AsyncByteStream
) -> httpx.Request:
    # Only a proxy's transport reads this: every phase of ours has its own deadline.
    timeout = {"timeout": {"connect": CONNECT_SECONDS}}
    headers = {"Host": url.netloc.decode("ascii"), **headers}
    return httpx.Request(method, url, headers=headers, stream=stream, extensions=timeout)


def _parsed_url(url: str) -> httpx.URL:
    """`url`, if it is an http or https address. Raises `InputError`."""
    name = quoted(without_secrets(url))
    # Parsers disagree about these; no address that is meant needs them.
    if "\\" in url or any(character.isspace() or not character.isprintable() for character in url):
        raise InputError(f"{name} is not a valid address")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise InputError(f"{name} is not a valid address") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"{name} cannot be used", hint="only http and https addresses can")
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise InputError(f"{name} is not a valid address", hint="ports are 1 to 65535")
    return parsed


@asynccontextmanager
async def _sent(
    request: httpx.Request,
    check: Callable[[Address], None] = lambda address: None,
    *,
    proxy: str | None = None,
) -> AsyncGenerator[httpx.Response, None]:
    async with _transport(request.url, check, proxy) as transport:
        response = await transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()


def _transport(
    url: httpx.URL, check: Callable[[Address], None], own_proxy: str | None
) -> httpx.AsyncBaseTransport:
    """The way to `url`: straight, or through a proxy, whose own rules then hold."""
    try:
        proxy = proxy_for(str(url), own_proxy)
    except ConfigError as error:
        raise InputError(error.message, hint=error.hint) from None
    if proxy is None:
        return DirectTransport(check)
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
    return httpx.AsyncHTTPTransport(verify=trusting(), proxy=httpx.Proxy(proxy.url, headers=headers))


class _Written(httpx.AsyncByteStream):
    """A body as it is sent: its audio is read, and encoded, block by block."""

    def __init__(self, body: Sequence[Segment]) -> None:
        self._body = body

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return _written(self._body)


async def _written(body: Sequence[Segment]) -> AsyncGenerator[bytes, None]:
    for segment in body:
        if isinstance(segment, bytes):
            yield segment
            continue
        left = segment.size
        with segment.open() as file:
            while left:
                block = _read_exactly(file.read, min(left, ENCODE_BYTES))
                left -= len(block)
                yield pybase64.b64encode(block)


class _Measured(httpx.AsyncByteStream):
    """A body of `length` bytes. Raises `InputError` where it has fewer: its file has become shorter."""

    def __init__(self, body: httpx.AsyncByteStream, length: int) -> None:
        self._body = body
        self._length = length

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        left = self._length
        async with aclosing(blocks_of(self._body)) as blocks:
            async for block in blocks:
                left -= len(block)
                yield block
        if left > 0:
            raise _shorter()


def _shorter() -> InputError:
    return InputError("an audio file became shorter while it was sent", hint="try again")


def _read_exactly(read: Callable[[int], bytes], size: int) -> bytes:
    blocks: list[bytes] = []
    while size and (block := read(size)):
        blocks.append(block)
        size -= len(block)
    if size:
        raise _shorter()
    return b"".join(blocks)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """httpx's errors as ours. Each says by itself whether the same request may succeed if sent again."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise DeadlineError(_said(error), retryable=True) from error
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        # What is wrong with it is not shown, nor raised from: it may be the key.
        raise InputError("a header holds what cannot be sent", hint="check the settings") from None
    except httpx.ConnectError as error:
        raise _unconnected(error) from error
    except httpx.TransportError as error:
        raise ConnectError(f"the connection broke: {_said(error)}", retryable=True) from error


def _unconnected(error: httpx.ConnectError) -> ConnectError:
    """Neither a certificate nor a server without TLS becomes right by itself."""
    match _tls_fault(error):
        case None:
            return ConnectError(_said(error), hint="check the address and the network", retryable=True)
        case ssl.SSLCertVerificationError() as fault:
            message = f"the certificate of the server is not valid ({fault.verify_message})"
            ours = error.__cause__ is fault  # A proxy's transport names neither host nor reason.
            return ConnectError(_said(error) if ours else message, hint=advice(fault, os.environ))
    return ConnectError(_said(error), hint="check the address")


def _tls_fault(error: BaseException) -> ssl.SSLError | None:
    """The fault behind `error`, which a proxy's transport wraps more than once."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause


def _said(error: Exception) -> str:
    return one_line(str(error)) or type(error).__name__


async def fetch(
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
    too_large: str = TOO_LARGE,
) -> bytes:
    """The body of an http(s) URL that a user named, whole within `seconds`.

    It may be on a private network, since the user may; where a server of another origin redirects to may not.
    `headers`, which may hold a key, go to the URL's own origin and to no other. `too_large` is what to do
    about more than `max_bytes`. Raises `InputError` for that and where there is nothing to be had, which is a
    `RefusedError` where the server said so, `ConnectError` and `DeadlineError` where it cannot be reached.
    """
    body = bytearray()
    await fetch_into(
        body.extend, url, max_bytes=max_bytes, seconds=seconds, headers=headers, too_large=too_large
    )
    return bytes(body)


async def fetch_into(
    write: Callable[[bytes], object],
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
    too_large: str = TOO_LARGE,
) -> None:
    """As `fetch`, but each piece of the body goes to `write` as it comes."""
    name = quoted(url)
    try:
        async with asyncio.timeout(seconds):
            await _follow(write, url, name, max_bytes, headers)
    except (TimeoutError, DeadlineError):
        raise DeadlineError(f"{name} did not arrive within {seconds:g} s") from None
    except TooLargeError:
        raise InputError(f"{name} is larger than {max_bytes / 1e6:g} MB", hint=too_large) from None
    except ReplyError as error:
        raise InputError(f"{name} cannot be used: {error.message}") from None


async def _follow(
    write: Callable[[bytes], object], url: str, name: str, max_bytes: int, headers: Mapping[str, str]
) -> None:
    named = target = _checked_url(url)
    for _ in range(MAX_REDIRECTS + 1):
        same_origin = (target.scheme, target.host, target.port) == (named.scheme, named.host, named.port)
        check, sent = (check_named, headers) if same_origin else (check_redirected, {})
        async with _get(target, sent, check) as response:
            if not response.has_redirect_location:
                await _content(write, response, name, max_bytes)
                return
            target = _redirected(target, response.headers["location"])
    raise InputError(f"{name} redirects more than {MAX_REDIRECTS} times")


def _redirected(source: httpx.URL, location: str) -> httpx.URL:
    try:
        return _checked_url(str(source.join(location)))
    except (InputError, httpx.InvalidURL) as error:
        raise InputError(f"{quoted(str(source))} redirects to what is not fetched: {error}") from None


@asynccontextmanager
async def _get(
    url: httpx.URL, headers: Mapping[str, str], check: Callable[[Address], None]
) -> AsyncGenerator[httpx.Response, None]:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "audiocli", **headers}
    with _mapped_errors():
        async with _sent(_request("GET", url, headers, httpx.ByteStream(b"")), check) as response:
            yield response


def _checked_url(url: str) -> httpx.URL:
    parsed = _parsed_url(url)
    if parsed.userinfo:
        raise InputError(
            "an address with a user name or password in it is not fetched", hint="download it first"
        )
    return parsed


async def _content(
    write: Callable[[bytes], object], response: httpx.Response, name: str, max_bytes: int
) -> None:
    if response.status_code != 200:
        raise await _refusal(response, name)
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise TooLargeError(name)
    reply = Reply(response, idle_seconds=60)
    async with aclosing(reply.pieces(max_bytes)) as pieces:
        async for piece in pieces:
            write(piece)


async def _refusal(response: httpx.Response, name: str) -> RefusedError:
    try:
        body = await Reply(response, idle_seconds=5).read(MAX_REFUSAL_BYTES)
    except (ConnectError, DeadlineError, ReplyError):
        body = b""  # It has refused all the same.
    message = f"{name} cannot be read: HTTP {response.status_code}"
    return RefusedError(message, hint="check the address", status=response.status_code, body=body)
