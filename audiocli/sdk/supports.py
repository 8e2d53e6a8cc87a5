"""LiteLLM's questions about models."""

from audiocli.library.lookup import capabilities


def supports_audio_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether `model` is known to take audio. `capabilities` tells "no" from "not known"; this does not."""
    known = capabilities(model, custom_llm_provider)
    return known is not None and known.audio_input is True


def supports_audio_output(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether `model` is known to speak. `capabilities` tells "no" from "not known"; this does not."""
    known = capabilities(model, custom_llm_provider)
    return known is not None and known.audio_output is True
