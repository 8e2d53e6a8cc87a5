"""A provider with a wire of its own, as small as one can be: what ARCHITECTURE.md says of adding one, done.

`enter` is its row. `python -m tests.example_provider` is audiocli with it.
"""

from typing import Any

from audiocli.chat import ChatRequest
from audiocli.config import Config
from audiocli.providers import registry
from audiocli.providers.hosts import Host
from audiocli.providers.registry import Progress
from audiocli.providers.target import Target
from tests.example_provider import wire
from tests.example_provider.provider import Parrot

NAME = "example"
KEY_VARIABLE = "EXAMPLE_API_KEY"


def enter(url: str) -> None:
    """Enter it, with the service at `url`."""
    host = Host(url, KEY_VARIABLE, "most_words", wire="parrot", key_header="X-Parrot-Key")
    registry.enter(NAME, host, chat=_chat, document=_document, paths={"chat": wire.PATH})


def _chat(target: Target, config: Config, progress: Progress) -> Parrot:  # noqa: ARG001 - a builder
    return Parrot(target.endpoint)


def _document(target: Target, request: ChatRequest) -> dict[str, Any]:  # noqa: ARG001 - as for the others
    return wire.encode_request(request)
