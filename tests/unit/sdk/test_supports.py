"""LiteLLM's documented promises about models are kept."""

import json
from pathlib import Path

import pytest

import audiocli as litellm
from audiocli.catalog.table import as_file, refreshed_path
from tests.command import audiocli


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's settings."""
    monkeypatch.delenv("AUDIOCLI_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))


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


# What the user says of models


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config that knows better."""
    path = tmp_path / "config.yaml"
    rows = [
        ("mine", "openai/gpt-3.5-turbo", {"supports_audio_input": True}),
        ("own", "hosted_vllm/never-heard-of", {"supports_audio_output": True}),
        ("plain", "openai/gpt-audio-1.5", {}),
    ]
    models = [
        {"model_name": name, "litellm_params": {"model": model}, "model_info": info}
        for name, model, info in rows
    ]
    path.write_text(json.dumps({"model_list": models}))
    monkeypatch.setenv("AUDIOCLI_CONFIG", str(path))
    return path


@pytest.mark.usefixtures("config")
def test_the_config_stands_above_the_table() -> None:
    assert litellm.supports_audio_input("mine") is True
    assert litellm.supports_audio_input("gpt-3.5-turbo") is False
    assert litellm.supports_audio_output("own") is True
    assert litellm.supports_audio_input("own") is False
    assert litellm.supports_audio_output(model="plain", custom_llm_provider=None) is True
    known = litellm.capabilities("mine")
    assert known is not None
    assert known.source_of("audio_input") == "model_info in the config"


def test_a_refreshed_table_is_asked_in_place_of_the_one_that_came_with_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = Path(refreshed_path(tmp_path / "audiocli"))
    path.parent.mkdir()
    row = {"provider": "openai", "mode": "chat", "audio_input": True, "source": "a test"}
    path.write_text(as_file({"of-tomorrow": row}, {}))
    assert litellm.supports_audio_input("of-tomorrow") is True
    assert litellm.capabilities("gpt-audio-1.5") is None


@pytest.mark.parametrize("text", ["[", "model: [1]", "nonsense: 1"])
def test_a_broken_config_is_said_to_be_broken(config: Path, text: str) -> None:
    config.write_text(text)
    for question in (litellm.supports_audio_input, litellm.supports_audio_output, litellm.capabilities):
        with pytest.raises(litellm.ConfigError, match="the config"):
            question("gpt-audio-1.5")


def test_the_command_line_and_the_library_know_the_same(config: Path) -> None:
    for name in ("mine", "own", "plain", "gpt-4o-audio-preview", "azure/gpt-audio"):
        known = litellm.capabilities(name)
        shown = audiocli("caps", name, "--json", "--config", str(config))
        (model,) = json.loads(shown.stdout)["models"]
        assert known is not None
        assert (model["audio_input"], model["audio_output"]) == (known.audio_input, known.audio_output)
