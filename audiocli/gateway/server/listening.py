"""Where the gateway listens, and whether it may."""

import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator

from audiocli.errors import ConfigError, UsageError
from audiocli.printable import quoted
from audiocli.secret import Secret

BACKLOG = 2048
LEAST_CHARACTERS = 8  # of a key that is all that stands between a network and the models
GOOD_CHARACTERS = 16


def listen(host: str, port: int, master_key: Secret | None) -> socket.socket:
    """A socket that accepts connections on `host`; port 0 is a free one.

    Raises `UsageError` where that cannot be, and `ConfigError` where others than this machine would be let in
    without a good key.
    """
    family, address = _resolved(host, port)
    check_exposure(address[0], master_key)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # There it would let two programs share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(error, host, port) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The address that a client on this machine can use."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def check_host(host: str, master_key: Secret | None) -> None:
    """Raise what `listen` would for this host and this key."""
    _, address = _resolved(host, 0)
    check_exposure(address[0], master_key)


def check_exposure(address: str, master_key: Secret | None) -> None:
    """Raise `ConfigError` where `address` is open to other machines, and the key does not keep them out."""
    if is_loopback(address):
        return
    hint = "set general_settings.master_key, or listen on 127.0.0.1"
    if master_key is None:
        raise ConfigError(f"{address} is open to other machines, and there is no master key", hint=hint)
    if len(master_key.value) < LEAST_CHARACTERS:
        problem = f"the master key has fewer than {LEAST_CHARACTERS} characters"
        raise ConfigError(f"{address} is open to other machines, and {problem}", hint="take a longer one")


def concerns(address: str, master_key: Secret | None) -> Iterator[str]:
    """What is allowed and better avoided, each in a line."""
    if master_key is not None and len(master_key.value) < GOOD_CHARACTERS:
        where = "elsewhere than on this machine it would " + (
            "be refused" if len(master_key.value) < LEAST_CHARACTERS else "be easy to guess"
        )
        problem = where if is_loopback(address) else "it is easy to guess"
        yield f"the master key has only {len(master_key.value)} characters: {problem}"


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _resolved(host: str, port: int) -> tuple[int, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{quoted(host)} is no address of this machine", hint="use 127.0.0.1") from error
    # Of localhost's two addresses, most clients take the older kind.
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, address  # type: ignore[return-value] # the other families have more members


def _unusable(error: OSError, host: str, port: int) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} is in use", hint="choose another port, or 0 for a free one")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"{quoted(host)} is no address of this machine", hint="use 127.0.0.1")
    reason = error.strerror or str(error)
    return UsageError(f"cannot listen on {quoted(host)}, port {port} ({reason})", hint="choose another port")
