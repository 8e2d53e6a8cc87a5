"""The public maps are read as what they are: other people's files."""

from typing import Any

import pytest

from audiocli.catalog.corrections import read
from audiocli.catalog.facts import Row
from audiocli.catalog.sources import from_litellm, from_models_dev, merged

STRANGE: list[Any] = [None, True, -1, float("nan"), float("inf"), 10**400, "x", [], {}, [None]]


@pytest.mark.parametrize("value", STRANGE)
def test_a_litellm_row_may_hold_anything(value: Any) -> None:
    keys = ("litellm_provider", "mode", "supports_audio_output", "supported_modalities", "deprecation_date")
    prices = ("input_cost_per_token", "output_cost_per_second", "max_input_tokens", "supported_endpoints")
    row = dict.fromkeys((*keys, *prices), value) | {"supports_audio_input": True}
    facts = from_litellm({"model": row, "other": value}, "a map")["model"]
    assert facts["audio_input"] is True
    assert all(type(fact) in (bool, int, float, str) for fact in facts.values())


@pytest.mark.parametrize("value", STRANGE)
def test_a_models_dev_row_may_hold_anything(value: Any) -> None:
    row = {
        "modalities": {"input": ["audio"], "output": ["text"]},
        "cost": {"input": value},
        "limit": {"context": value},
    }
    facts = from_models_dev({"host/model": row, "host": value, "other/model": {"modalities": value}}, "a map")
    assert list(facts) == ["host/model"]
    assert from_models_dev({"host/model": row | {"cost": value, "limit": value}}, "a map")


def test_both_of_models_devs_forms_are_read() -> None:
    row = {"modalities": {"input": ["text"], "output": ["audio"]}, "cost": None, "limit": {"context": 0}}
    whole = {"host": {"name": "Host", "models": {"a/b": row}}}
    assert from_models_dev(whole, "a map") == from_models_dev({"host/a/b": row}, "a map")
    assert "max_input_tokens" not in from_models_dev(whole, "a map")["host/a/b"]


def test_only_models_that_touch_audio_are_taken() -> None:
    written = {"mode": "chat", "litellm_provider": "openai", "supports_vision": True}
    assert from_litellm({"gpt-5": written, "sample_spec": {"mode": "audio_speech"}}, "a map") == {}
    assert list(from_litellm({"tts": {"mode": "audio_speech"}}, "a map")) == ["tts"]


def test_where_both_maps_know_a_model_the_second_adds() -> None:
    first = {
        "source": "litellm 1.2.3 map",
        "models": {"host/m": {"mode": "chat", "supports_audio_input": True}},
    }
    second = {
        "host/m": {
            "modalities": {"input": ["text"], "output": ["audio"]},
            "cost": None,
            "limit": {"context": 5},
        }
    }
    row = merged(first, second)["host/m"]
    assert (row["mode"], row["audio_input"], row["audio_output"], row["max_input_tokens"]) == (
        "chat",
        True,
        True,
        5,
    )
    assert row["source"] == "LiteLLM 1.2.3"
    assert row["sources"]["audio_output"] == "models.dev"


def test_a_correction_replaces_and_a_fill_adds() -> None:
    said = {"source": "docs", "reason": "because"}
    curation = read(
        {
            "model": [{"names": ["ours"], "source": "docs", "facts": {"mode": "chat"}}],
            "correction": [{"models": ["a*"], "facts": {"audio_input": False, "mode": "unknown"}} | said],
            "fill": [{"modes": ["chat"], "facts": {"audio_input": True, "voices": ["x"]}} | said],
        }
    )
    rows: dict[str, Row] = {
        "a": {"mode": "chat", "audio_input": True, "source": "map"},
        "b": {"mode": "chat", "source": "map"},
    }
    curated = curation.apply(rows)
    assert curated["a"] == {"audio_input": False, "source": "map", "sources": {"audio_input": "docs"}}
    assert (curated["b"]["audio_input"], curated["b"]["sources"]["voices"]) == (True, "docs")
    assert curated["ours"]["voices"] == ["x"]


def test_a_fact_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="a fact 'audioinput'"):
        read({"fill": [{"facts": {"audioinput": True}, "source": "docs", "reason": "because"}]})
