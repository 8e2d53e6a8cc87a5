"""What services count is read by any of their names, and comes to the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocli.chat import Usage
from audiocli.wire.openai.usage import decode_usage, encode_usage

OPENAI = {
    "prompt_tokens": 400,
    "completion_tokens": 125,
    "total_tokens": 525,
    "prompt_tokens_details": {"audio_tokens": 300, "text_tokens": 100, "cached_tokens": 350},
    "completion_tokens_details": {"audio_tokens": 93, "text_tokens": 32},
}
MISTRAL = {
    "prompt_audio_seconds": 4,
    "prompt_tokens": 9,
    "completion_tokens": 248,
    "total_tokens": 632,
    "prompt_tokens_details": {"audio_tokens": 375, "cached_tokens": 0},
}
ENDPOINT = {
    "type": "tokens",
    "input_tokens": 40,
    "output_tokens": 12,
    "total_tokens": 52,
    "input_token_details": {"audio_tokens": 30, "text_tokens": 10},
}


@pytest.mark.parametrize(
    ("document", "usage"),
    [
        (OPENAI, Usage(400, 125, 300, 93, 350, 250)),  # what is cached is text first
        (MISTRAL, Usage(384, 248, 375, input_seconds=4)),
        (ENDPOINT, Usage(40, 12, 30)),
        ({"type": "duration", "seconds": 30}, Usage(input_seconds=30)),
        ({"input_tokens": 37, "output_tokens": 12, "total_tokens": 49, "cost": 0.1}, Usage(37, 12, cost=0.1)),
        ({"cost": 0.25, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}, Usage(cost=0.75)),
        # Gemini's thoughts
        ({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 110}, Usage(7, 103)),
    ],
)
def test_each_services_count_is_understood(document: dict[str, Any], usage: Usage) -> None:
    assert decode_usage(document) == usage


def test_a_service_may_say_what_of_the_cached_is_sound() -> None:
    details = OPENAI["prompt_tokens_details"] | {"cached_tokens_details": {"audio_tokens": 300}}  # type: ignore[operator] # a mapping
    assert decode_usage(OPENAI | {"prompt_tokens_details": details}).cached_audio_tokens == 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
)
NAMES = st.sampled_from(
    ["prompt_tokens", "input_tokens", "completion_tokens", "total_tokens", "seconds", "cost", "cost_details"]
)
DETAILS = st.dictionaries(
    st.sampled_from(["audio_tokens", "cached_tokens", "cached_tokens_details", "text_tokens"]), JSON
)


@given(st.dictionaries(NAMES, JSON), JSON | DETAILS, JSON | DETAILS)
def test_whatever_a_service_counts_no_part_is_more_than_its_whole(
    document: dict[str, Any], sent: Any, received: Any
) -> None:
    usage = decode_usage(document | {"prompt_tokens_details": sent, "completion_tokens_details": received})
    assert 0 <= usage.input_audio_tokens <= usage.input_tokens
    assert 0 <= usage.output_audio_tokens <= usage.output_tokens
    assert 0 <= usage.cached_audio_tokens <= min(usage.cached_tokens, usage.input_audio_tokens)
    assert usage.cached_tokens - usage.cached_audio_tokens <= usage.input_tokens - usage.input_audio_tokens
    assert usage.cost is None or usage.cost >= 0


TOKENS = st.integers(0, 10**6)


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, st.none() | st.floats(0, 100))
def test_what_is_written_is_read_back(
    text: int, audio: int, cached_text: int, cached_audio: int, written: int, spoken: int, cost: float | None
) -> None:
    usage = Usage(
        input_tokens=text + audio,
        input_audio_tokens=audio,
        cached_tokens=min(text, cached_text) + min(audio, cached_audio),
        cached_audio_tokens=min(audio, cached_audio),
        output_tokens=written + spoken,
        output_audio_tokens=spoken,
        cost=cost,
    )
    assert decode_usage(encode_usage(usage)) == usage


def test_usages_add_up() -> None:
    assert Usage() + Usage(1, 2, cost=3.0) == Usage(1, 2, cost=3.0)
    assert Usage(1, input_seconds=0.5, cost=1.0) + Usage(2, 3, cost=0.5) == Usage(
        3, 3, input_seconds=0.5, cost=1.5
    )
    assert (Usage(1, cost=1.0) + Usage(1)).cost is None
