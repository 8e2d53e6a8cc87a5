"""What an answer took, as OpenAI's chat completions count it."""

from typing import Any

from audiocli.chat import Usage


def encode_usage(usage: Usage | None) -> dict[str, Any] | None:
    """The `usage` of an answer; audio tokens are part of the totals."""
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "audio_tokens": usage.input_audio_tokens,
            "text_tokens": usage.input_tokens - usage.input_audio_tokens,
            "cached_tokens": usage.cached_tokens,
        },
        "completion_tokens_details": {
            "audio_tokens": usage.output_audio_tokens,
            "text_tokens": usage.output_tokens - usage.output_audio_tokens,
        },
    }


def decode_usage(usage: dict[str, Any]) -> Usage:
    """What a service counted; what is no count is taken for 0."""
    sent, received = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        input_audio_tokens=_count(sent, "audio_tokens"),
        output_audio_tokens=_count(received, "audio_tokens"),
        cached_tokens=_count(sent, "cached_tokens"),
    )


def _count(details: Any, name: str) -> int:
    value = details.get(name) if isinstance(details, dict) else None
    return value if isinstance(value, int) and value > 0 else 0
