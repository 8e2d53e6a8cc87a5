"""What is known of a model, as LiteLLM's `model_info` has it: the inverse of `sources.litellm_facts`."""

from typing import Any

from audiocli.catalog.facts import TOKENS, Capabilities

_MODES = {"transcription": "audio_transcription", "speech": "audio_speech"}


def model_info(known: Capabilities) -> dict[str, Any]:
    """Abilities, limits, and prices in US dollars a token, a second or a character; `None` if unknown."""
    prices = known.prices
    return {
        "mode": _MODES.get(known.mode or "", known.mode),
        "supports_audio_input": known.audio_input,
        "supports_audio_output": known.audio_output,
        "max_input_tokens": known.max_input_tokens,
        "max_output_tokens": known.max_output_tokens,
        "input_cost_per_token": _one(prices.text_in),
        "output_cost_per_token": _one(prices.text_out),
        "input_cost_per_audio_token": _one(prices.audio_in),
        "output_cost_per_audio_token": _one(prices.audio_out),
        "cache_read_input_token_cost": _one(prices.cached_text_in),
        "cache_read_input_audio_token_cost": _one(prices.cached_audio_in),
        "input_cost_per_second": prices.second_in,
        "output_cost_per_second": prices.second_out,
        "input_cost_per_character": _one(prices.character_in),
        "litellm_provider": known.provider,
    }


def _one(million: float | None) -> float | None:
    return None if million is None else million / TOKENS
