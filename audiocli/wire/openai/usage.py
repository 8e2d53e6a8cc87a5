"""What an answer took, as services count it."""

from typing import Any

from audiocli.chat import Usage

_MOST = 1e12
"""No count or amount of one request is larger: what is has another meaning."""


def encode_usage(usage: Usage | None) -> dict[str, Any] | None:
    """The `usage` of a chat completion; audio tokens and cached tokens are part of the totals."""
    if usage is None:
        return None
    sent: dict[str, Any] = {
        "audio_tokens": usage.input_audio_tokens,
        "text_tokens": usage.input_tokens - usage.input_audio_tokens,
        "cached_tokens": usage.cached_tokens,
    }
    if usage.cached_audio_tokens:
        text = usage.cached_tokens - usage.cached_audio_tokens
        sent["cached_tokens_details"] = {"audio_tokens": usage.cached_audio_tokens, "text_tokens": text}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": sent,
        "completion_tokens_details": {
            "audio_tokens": usage.output_audio_tokens,
            "text_tokens": usage.output_tokens - usage.output_audio_tokens,
        },
        **({"prompt_audio_seconds": usage.input_seconds} if usage.input_seconds else {}),
        **({"cost": usage.cost} if usage.cost is not None else {}),
    }


def decode_usage(document: Any) -> Usage:
    """What a service counted, by any of its names; what is no count is taken for 0.

    Mistral counts audio tokens beside those of the prompt (200 recorded), everybody else among them. Gemini's
    thoughts are only in its total, and are billed as output.
    """
    sent = _details(document, "prompt_tokens", "input_token", "input_tokens")
    received = _details(document, "completion_tokens", "output_token", "output_tokens")
    audio, output = _count(sent, "audio_tokens"), _count(document, "completion_tokens", "output_tokens")
    prompt, total = _count(document, "prompt_tokens", "input_tokens"), _count(document, "total_tokens")
    if audio > prompt or (audio and total == prompt + audio + output):
        prompt += audio
    cached = min(_count(sent, "cached_tokens"), prompt)
    return Usage(
        input_tokens=prompt,
        output_tokens=max(output, total - prompt) if prompt else output,
        input_audio_tokens=audio,
        output_audio_tokens=min(_count(received, "audio_tokens"), output),
        cached_tokens=cached,
        cached_audio_tokens=min(_cached_audio(sent, cached, prompt - audio), audio),
        input_seconds=_amount(document, "seconds") or _amount(document, "prompt_audio_seconds"),
        cost=_cost(document),
    )


def _cached_audio(sent: Any, cached: int, text: int) -> int:
    """How much of what was cached is sound; if the service does not say, as little as can be."""
    match sent:
        case {"cached_tokens_details": {"audio_tokens": int() as audio}}:
            return max(0, min(audio, cached))
    return max(0, cached - text)


def _cost(document: Any) -> float | None:
    """What OpenRouter charges, and, for a key of the user's own, what that key's service does."""
    if not isinstance(document, dict) or not _is_amount(document.get("cost")):
        return None
    own = document.get("cost_details") if document.get("is_byok") is True else None
    return float(document["cost"]) + _amount(own, "upstream_inference_cost")


def _details(document: Any, *counts: str) -> Any:
    found = (document.get(f"{count}_details") for count in counts) if isinstance(document, dict) else ()
    return next(filter(None, found), None)


def _count(document: Any, *names: str) -> int:
    return next((int(amount) for name in names if (amount := _amount(document, name))), 0)


def _amount(document: Any, name: str) -> float:
    value = document.get(name) if isinstance(document, dict) else None
    return float(value) if value is not None and _is_amount(value) else 0.0


def _is_amount(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < _MOST  # NaN is not.
