"""What services do by an API of their own: OpenAI's path for it leads nowhere there."""

from collections.abc import Mapping

from audiocli.config import same_origin

_OWN_WIRES: Mapping[str, frozenset[str]] = {
    "https://api.x.ai": frozenset({"transcription", "speech"}),  # /v1/stt and /v1/tts (docs.x.ai)
    "https://generativelanguage.googleapis.com": frozenset({"transcription"}),  # /v1beta/interactions
}
"""Modes, by the server."""


def has_own_wire(base_url: str, mode: str | None) -> bool:
    """Whether models of `mode` are asked in another way than OpenAI's at the service whose URL this is."""
    return any(mode in modes for server, modes in _OWN_WIRES.items() if same_origin(base_url, server))
