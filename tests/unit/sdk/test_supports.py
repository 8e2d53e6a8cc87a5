"""LiteLLM's documented promises about models are kept."""

import pytest

import audiocli as litellm


def test_the_documented_answers() -> None:
    assert litellm.supports_audio_output(model="gpt-4o-audio-preview") == True  # noqa: E712 - as documented
    assert litellm.supports_audio_input(model="gpt-4o-audio-preview") == True  # noqa: E712 - as documented
    assert litellm.supports_audio_output(model="gpt-3.5-turbo") == False  # noqa: E712 - as documented
    assert litellm.supports_audio_input(model="gpt-3.5-turbo") == False  # noqa: E712 - as documented


@pytest.mark.parametrize("model", ["openai/gpt-audio-1.5", "gpt-audio-1.5"])
def test_a_provider_may_stand_before_the_name(model: str) -> None:
    assert litellm.supports_audio_input(model) is True


def test_a_provider_may_be_given_as_litellm_calls_it() -> None:
    assert litellm.supports_audio_input("gpt-audio-1.5", custom_llm_provider="openai") is True


@pytest.mark.parametrize("model", ["", "nobody/knows", "\n", "é"])
def test_a_model_that_nobody_knows_is_not_known_to_hear_or_speak(model: str) -> None:
    assert litellm.supports_audio_input(model) is False
    assert litellm.supports_audio_output(model) is False
    assert litellm.capabilities(model) is None
