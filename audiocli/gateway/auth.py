"""Who may ask: whoever has the master key or, without one, programs on this machine, but no website."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Protocol

from audiocli.errors import AuthenticationError, UsageError
from audiocli.gateway.hosts import LOCAL_HOSTS, host_name
from audiocli.printable import quoted
from audiocli.secret import Secret

ALIAS = "master"

_KEYS = frozenset((b"authorization", b"x-api-key", b"api-key"))
_OWN_SITES = frozenset((b"same-origin", b"none"))  # none: typed into the address bar
_SCHEMES = frozenset((b"http", b"https"))

Scope = Mapping[str, Any]


class ForeignPageError(UsageError):
    """A website asks, in the browser of somebody on this machine."""

    http_status = 403


class UnknownHostError(UsageError):
    """The client was led here by a name that is not the gateway's, as by DNS rebinding."""

    http_status = 403


class Gatekeeper(Protocol):
    """Lets a request in, or raises an error."""

    def check(self, scope: Scope, *, keyless: bool = False) -> str | None:
        """The alias of the request's key; `None` without a valid one, if none is needed or the path is
        `keyless`.
        """
        ...


def gatekeeper(master_key: Secret | None, allowed_hosts: frozenset[str]) -> Gatekeeper:
    """With a master key, every host is served; without one, only local ones and `allowed_hosts`."""
    return LocalClients(allowed_hosts) if master_key is None else KeyHolders(master_key)


class KeyHolders:
    """Compares keys by their digests: the time this takes does not depend on how much of a key is right."""

    def __init__(self, master_key: Secret) -> None:
        self._digest = _digest(master_key.value.encode())

    def check(self, scope: Scope, *, keyless: bool = False) -> str | None:
        """Every fault has the same answer: no key, a wrong one, a duplicate header."""
        given = [(name, _key(name, value)) for name, value in scope["headers"] if name in _KEYS]
        right = [hmac.compare_digest(_digest(key), self._digest) for _, key in given]
        if right and all(right) and len(dict(given)) == len(given):
            return ALIAS
        if keyless:
            return None
        raise AuthenticationError("the API key is missing or wrong", hint="send Authorization: Bearer KEY")


class LocalClients:
    """Keeps websites out, which a browser on this machine lets send requests, even if not read the answers.

    A page that has the gateway's origin by DNS rebinding could read them, but is known by its Host. Old
    browsers have no Sec-Fetch-Site; they send Origin with all that can cost money.
    """

    def __init__(self, allowed_hosts: frozenset[str]) -> None:
        self._hosts = LOCAL_HOSTS | allowed_hosts

    def check(self, scope: Scope, *, keyless: bool = False) -> None:  # noqa: ARG002 - no path is for websites
        host = b""
        foreign = False
        origins = []
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"sec-fetch-site":
                foreign = foreign or value not in _OWN_SITES
            elif name == b"origin":
                origins.append(value)
        if host_name(host.decode("latin-1")) not in self._hosts:
            shown = quoted(host.decode("latin-1"))
            raise UnknownHostError(
                f"host {shown} is not allowed without a master key",
                hint="add it to audiocli_settings.allowed_hosts",
            )
        if foreign or not all(_is_own(origin, host) for origin in origins):
            raise ForeignPageError(
                "requests from other websites are not allowed without a master key",
                hint="set general_settings.master_key",
            )


def _is_own(origin: bytes, host: bytes) -> bool:
    """Whether a page with this `Origin` was loaded from `host`, name and port."""
    scheme, _, place = origin.lower().partition(b"://")
    return scheme in _SCHEMES and place == host.lower()


def _key(name: bytes, value: bytes) -> bytes:
    if name != b"authorization":
        return value.strip()
    scheme, _, key = value.strip().partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
