"""Who may ask: the bearers of the master key."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from audiocli.errors import AuthenticationError, UsageError
from audiocli.proxy.listening import is_loopback
from audiocli.secret import Secret

ALIAS = "master"

_HEADERS = (b"authorization", b"x-api-key", b"api-key")


class ForeignPageError(UsageError):
    """A page of another site asks, in the browser of somebody on this machine."""

    http_status = 403


class Gatekeeper:
    """Compares keys by their digests, so that how long it takes tells nothing of how much of one is right."""

    def __init__(self, master_key: Secret | None) -> None:
        self._digest = _digest(master_key.value.encode()) if master_key else None

    def check(self, scope: Mapping[str, Any]) -> str | None:
        """The alias of the request's key; `None` where none is needed. Raises `AuthenticationError`.

        Whatever is wrong has the same answer: no key, another one, a header that is there twice. Where no key
        is needed, `ForeignPageError` is for pages of other sites: browsers let them send, though not read.
        """
        if self._digest is None:
            if not all(_is_own(value) for name, value in scope["headers"] if name == b"origin"):
                raise ForeignPageError("pages of other sites may not ask here", hint="set a master key")
            return None
        given = [(name, _key(name, value)) for name, value in scope["headers"] if name in _HEADERS]
        right = [hmac.compare_digest(_digest(key), self._digest) for _, key in given]
        if not right or not all(right) or len(dict(given)) < len(given):
            raise AuthenticationError(
                "the API key is missing or wrong", hint="send Authorization: Bearer KEY"
            )
        return ALIAS


def _is_own(origin: bytes) -> bool:
    """Whether a page with this `Origin` is of this machine."""
    try:
        host = urlsplit(origin.decode("latin-1")).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or is_loopback(host)
    except ValueError:
        return False


def _key(name: bytes, value: bytes) -> bytes:
    if name != b"authorization":
        return value.strip()
    scheme, _, key = value.strip().partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
