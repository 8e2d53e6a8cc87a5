"""Addresses of servers as people paste them: of one of their endpoints, with slashes and queries."""

import re

from audiocli.errors import ConfigError
from audiocli.printable import quoted
from audiocli.secret import without_secrets

_ENDPOINTS = re.compile(r"/+(?:chat/completions|audio/(?:transcriptions|translations|speech)|models)\Z")
_OTHER_ENDPOINTS = re.compile(r"/+(responses|completions|embeddings|realtime|images/generations)\Z")


def base_url_of(pasted: str) -> str:
    """The base URL in `pasted`, which may be the address of an endpoint below it. Its query is kept.

    Raises `ConfigError` for an endpoint of another API, with the address to use.
    """
    place, mark, query = pasted.partition("#")[0].partition("?")
    place = _ENDPOINTS.sub("", place.rstrip("/")).rstrip("/")
    if other := _OTHER_ENDPOINTS.search(place):
        right = without_secrets(place[: other.start()])
        raise ConfigError(f"/{other[1]} is not supported as a server's address", hint=f"use {quoted(right)}")
    return f"{place}{mark}{query}"
