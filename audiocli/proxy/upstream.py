"""The way to the servers of deployments: connections that are kept open and used again.

The only place that knows aiohttp.
"""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import aiohttp
from aiohttp.client_reqrep import ClientResponse

from audiocli.errors import ConnectError, DeadlineError, ProviderError
from audiocli.router import RESET

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


class Upstream:
    """Posts to servers. Redirects are not followed, nor cookies kept: both could lead a key elsewhere."""

    def __init__(self, *, trust_env: bool = False) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, connect=CONNECT_SECONDS),
            auto_decompress=False,
            read_bufsize=BLOCK_BYTES,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            trust_env=trust_env,
            max_line_size=64 * 1024,
            max_field_size=64 * 1024,
        )

    async def post(self, url: str, headers: Mapping[str, str], body: Body) -> Reply:
        """Send a request; the reply is given once its headers are there, even if the body still goes out."""
        try:
            return Reply(await self._session.post(url, headers=headers, data=body, allow_redirects=False))
        except _FAULTS as error:
            raise _mapped(error) from None

    async def close(self) -> None:
        await self._session.close()


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
        case OSError() if error.errno == errno.ECONNREFUSED:
            return _unreachable("the model's server refused the connection", "upstream_refused")
        case aiohttp.ClientConnectorError():
            return _unreachable("the model's server cannot be reached", "upstream_unreachable")
        case aiohttp.InvalidURL():
            return ConnectError("the address of the model's server is not valid", code="upstream_unreachable")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            return _unreachable("the model's server broke the connection", RESET)
    return _unreachable("the model's server does not speak HTTP as it should", "upstream_protocol_error")


def _unreachable(message: str, code: str) -> ConnectError:
    return ConnectError(message, code=code, retryable=True)
