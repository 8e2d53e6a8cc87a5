"""The way to the servers of deployments: connections that are kept open and used again.

The only place that knows aiohttp.
"""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientResponse

from audiocli.errors import ConfigError, ConnectError, DeadlineError, ProviderError
from audiocli.http.proxies import proxy_for
from audiocli.router import RESET
from audiocli.secret import Secret

CONNECT_SECONDS = 10.0  # for the name, the connection and TLS together
KEEP_ALIVE_SECONDS = 60.0
BLOCK_BYTES = 256 * 1024  # read at once; twice that waits at most before the server is held back

LINGER_SECONDS = 1.0

_FAULTS = (TimeoutError, aiohttp.ClientError, OSError)

# OpenSSL's numbers, of x509_vfy.h.
_CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    62: "is for another host",
    64: "is for another host",
}

Body = bytes | AsyncIterator[bytes]


class Reply:
    """What a deployment's server answers. `close` gives the connection back, or ends it if it is in use."""

    def __init__(self, response: ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def block(self) -> bytes:
        """The next of the body; empty at its end. Raises `ConnectError` where it is cut off."""
        try:
            return await self._response.content.readany()
        except _FAULTS as error:
            raise _mapped(error) from None

    async def read(self, max_bytes: int) -> bytes:
        """The first `max_bytes` of the body."""
        body = bytearray()
        while len(body) < max_bytes and (block := await self.block()):
            body += block
        return bytes(body[:max_bytes])

    async def linger(self) -> None:
        """Wait a moment for the end of a body that says nothing more, so that its connection can be kept."""
        if self._response.content.at_eof():
            return
        with suppress(TimeoutError, ProviderError):
            async with asyncio.timeout(LINGER_SECONDS):
                while await self.block():
                    pass

    def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class StaleError(ConnectError):
    """A connection that was kept open had been closed by the server, before a byte of an answer came.

    The request has not been answered, and most likely not been read.
    """


_opened: ContextVar[bool] = ContextVar("_opened")
"""Whether the present request has opened a connection of its own."""


class _Connector(aiohttp.TCPConnector):
    async def _create_connection(self, *arguments: Any) -> ResponseHandler:
        _opened.set(True)
        return await super()._create_connection(*arguments)


class Upstream:
    """Posts to servers. Redirects are not followed, nor cookies kept: both could lead a key elsewhere."""

    def __init__(self) -> None:
        self._session = _session(_Connector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS))
        self._fresh: aiohttp.ClientSession | None = None
        self._ways: dict[tuple[str, Secret | None], dict[str, Any]] = {}

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: Body,
        *,
        proxy: Secret | None = None,
        fresh: bool = False,
    ) -> Reply:
        """Send a request; the reply is given once its headers are there, even if the body still goes out.

        Raises `StaleError` if that may be done again at once, with `fresh` set: on a connection of its own.
        """
        way = self._ways.get((url, proxy))
        if way is None:
            way = self._ways[url, proxy] = _way(url, proxy)
        if way and "Proxy-Authorization" in way["proxy_headers"] and not url.startswith("https:"):
            headers = {**headers, **way["proxy_headers"]}
        session = self._on_its_own() if fresh else self._session
        _opened.set(fresh)
        try:
            return Reply(await session.post(url, headers=headers, data=body, allow_redirects=False, **way))
        except _FAULTS as error:
            mapped = _mapped(error)
            if mapped.code == RESET and not _opened.get() and not _has_begun(error):
                raise StaleError(mapped.message, code=RESET, retryable=True) from None
            raise mapped from None

    def _on_its_own(self) -> aiohttp.ClientSession:
        if self._fresh is None:
            self._fresh = _session(_Connector(limit=0, force_close=True))
        return self._fresh

    async def close(self) -> None:
        await self._session.close()
        if self._fresh is not None:
            await self._fresh.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, connect=CONNECT_SECONDS),
        auto_decompress=False,
        read_bufsize=BLOCK_BYTES,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        max_line_size=64 * 1024,
        max_field_size=64 * 1024,
    )


def _way(url: str, own: Secret | None) -> dict[str, Any]:
    """What aiohttp has to know of the proxy that leads to `url`. It reads no environment, nor `.netrc`."""
    try:
        proxy = proxy_for(url, own.value if own else None)
    except ConfigError as error:
        raise ConnectError(error.message, code="upstream_unreachable") from None
    if proxy is None:
        return {}
    given = {} if proxy.authorization is None else {"Proxy-Authorization": proxy.authorization}
    return {"proxy": proxy.url, "proxy_headers": given}


def _has_begun(error: Exception) -> bool:
    """Whether a part of an answer had come, which aiohttp tells instead of a message."""
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str | None)


def _mapped(error: Exception) -> ProviderError:
    """aiohttp's errors as ours, each kind told from the others, and none with the address in it."""
    match error:
        case asyncio.TimeoutError():
            return DeadlineError(
                "the model's server did not connect in time", code="upstream_timeout", retryable=True
            )
        case aiohttp.ClientConnectorDNSError():
            return _unreachable("the name of the model's server cannot be resolved", "upstream_dns_error")
        # Neither a certificate nor a server becomes right by itself.
        case aiohttp.ClientConnectorCertificateError(
            certificate_error=ssl.SSLCertVerificationError() as fault
        ):
            reason = _CERTIFICATE_FAULTS.get(fault.verify_code, "is not trusted")
            return ConnectError(f"the certificate of the model's server {reason}", code="upstream_tls_error")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return ConnectError(
                "the model's server does not speak TLS as it should", code="upstream_tls_error"
            )
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError():
            return _unreachable(_proxy_fault(error), "upstream_unreachable")
        case OSError() if error.errno == errno.ECONNREFUSED:
            return _unreachable("the model's server refused the connection", "upstream_refused")
        case aiohttp.ClientConnectorError():
            return _unreachable("the model's server cannot be reached", "upstream_unreachable")
        case aiohttp.InvalidURL():
            return ConnectError("the address of the model's server is not valid", code="upstream_unreachable")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            return _unreachable("the model's server broke the connection", RESET)
    return _unreachable("the model's server does not speak HTTP as it should", "upstream_protocol_error")


def _proxy_fault(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused the connection (HTTP {error.status})"
    return "the proxy cannot be reached"


def _unreachable(message: str, code: str) -> ConnectError:
    return ConnectError(message, code=code, retryable=True)
