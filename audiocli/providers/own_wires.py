"""What services do by an API of their own: OpenAI's path for it leads nowhere there."""

from collections.abc import Mapping
from urllib.parse import urlsplit

_OWN_WIRES: Mapping[str, frozenset[str]] = {
    "api.x.ai": frozenset({"transcription", "speech"}),  # /v1/stt and /v1/tts (docs.x.ai)
    "generativelanguage.googleapis.com": frozenset({"transcription"}),  # /v1beta/interactions
}
"""Modes, by host."""


def has_own_wire(base_url: str, mode: str | None) -> bool:
    """Whether models of `mode` are asked in another way than OpenAI's at the service whose URL this is."""
    return mode in _OWN_WIRES.get(urlsplit(base_url).hostname or "", ())
