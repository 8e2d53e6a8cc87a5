"""Which proxy leads to a server: one rule for a command, the library and the gateway.

A row's own `proxy` stands above the environment. There, `http_proxy` and `https_proxy` are for addresses
that begin so, `all_proxy` for both, and `no_proxy` names the hosts that are asked without one; each may be in
upper case. On macOS and Windows the system's settings are next.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from audiocli.errors import ConfigError

SCHEMES = ("http", "https")


@dataclass(frozen=True)
class Proxy:
    """The address of a proxy, and what the header `Proxy-Authorization` has for it."""

    url: str
    authorization: str | None = field(default=None, repr=False)


def proxy_for(url: str, own: str | None = None) -> Proxy | None:
    """The proxy for `url`; `None` if it is asked directly. `own` is what its row names.

    Raises `ConfigError` for a proxy that cannot be used, and shows nothing of it: it may hold a password.
    """
    if own is not None:
        return decode_proxy(own, "its proxy")
    place = urlsplit(url)
    found = getproxies()
    scheme = place.scheme.lower()
    named = found.get(scheme) or found.get("all")
    if not named or _is_bypassed(place.hostname or "", place.port):
        return None
    return decode_proxy(named, f"{scheme}_proxy" if found.get(scheme) else "all_proxy")


def decode_proxy(text: str, name: str) -> Proxy:
    """The proxy at `text`, whose scheme may be left out. `name` is what errors call it."""
    try:
        place = urlsplit(text if "://" in text else f"http://{text}")
        port = place.port
    except ValueError:
        place, port = urlsplit(""), None
    if place.scheme not in SCHEMES or not place.hostname or not text.isascii() or not text.isprintable():
        raise ConfigError(f"{name} is not a supported proxy address", hint="use http://HOST:PORT")
    host = f"[{place.hostname}]" if ":" in place.hostname else place.hostname
    user = None
    if place.username is not None:
        user = f"{unquote(place.username)}:{unquote(place.password or '')}"
    authorization = None if user is None else f"Basic {b64encode(user.encode()).decode()}"
    return Proxy(f"{place.scheme}://{host}{f':{port}' if port else ''}", authorization)


def _is_bypassed(host: str, port: int | None) -> bool:
    """`no_proxy` may name a host, a domain, and a host with its port."""
    return bool(proxy_bypass(host) or (port is not None and proxy_bypass(f"{host}:{port}")))
