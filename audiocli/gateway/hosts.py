"""Hosts as requests, configs and the command line name them."""

import ipaddress
import re
from contextlib import suppress
from functools import lru_cache

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

_NAME = re.compile(r"([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::\d*)?", re.ASCII)
_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](?::\d*)?", re.ASCII)


@lru_cache(maxsize=256)
def host_name(host: str) -> str:
    """The name or address in `host`, which may have a port, in one spelling; empty if it is neither.

    `LOCALHOST.:4000` is `localhost`, and `[0:0::1]:4000` is `::1`.
    """
    if found := _NAME.fullmatch(host.lower()):
        return found[1]
    # Only in a URL does an address need its brackets.
    found = _BRACKETED.fullmatch(host.lower())
    return _address(found[1] if found else host)


def _address(text: str) -> str:
    with suppress(ValueError):
        return str(ipaddress.IPv6Address(text.partition("%")[0]))
    return ""


def is_wildcard(host: str) -> bool:
    """Whether it stands for all addresses of this machine."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return not host
