"""A name finds its row: dated and undated, with and without its provider, behind a router."""

import json
from pathlib import Path

import pytest

from audiocli.capabilities import Capabilities, Prices, Table, known_models, lookup
from audiocli.capabilities.facts import from_row
from audiocli.capabilities.override import override
from audiocli.capabilities.table import as_file


def known(name: str) -> Capabilities:
    found = lookup(name)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("name", "provider", "audio_input", "audio_output"),
    [
        ("gpt-4o-audio-preview", "openai", True, True),
        ("openai/gpt-4o-audio-preview", "openai", True, True),
        ("gpt-4o-audio-preview-2025-06-03", "openai", True, True),
        ("azure/gpt-4o-audio-preview", "azure", True, True),
        ("azure/gpt-audio", "azure", True, True),
        ("openrouter/openai/gpt-4o-audio-preview", "openrouter", True, True),
        ("openrouter/openai/gpt-audio-1.5", "openrouter", True, True),
        ("vertex_ai/gemini-2.5-pro", "vertex_ai", True, False),
        ("gemini/gemini-2.5-flash", "gemini", True, False),
        ("google/gemini-2.5-flash", "google", True, False),
        ("whisper-1", "openai", True, False),
        ("tts-1", "openai", False, True),
        ("gpt-3.5-turbo", "openai", False, False),
        ("gpt-4o", "openai", False, False),
        ("local/smollm2-135m", "local", True, True),
        ("smollm2-135m", "local", True, True),
        ("Qwen/Qwen2.5-Omni-7B", None, True, None),
    ],
)
def test_what_goes_in_and_comes_out(
    name: str, provider: str | None, audio_input: bool | None, audio_output: bool | None
) -> None:
    found = known(name)
    assert (found.provider, found.audio_input, found.audio_output) == (provider, audio_input, audio_output)


@pytest.mark.parametrize("name", ["", "nosuch", "azure/nosuch", "openai/gemini-2.5-pro", "nosuch/gpt-audio"])
def test_a_name_that_nobody_knows(name: str) -> None:
    assert lookup(name) is None


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("GPT-Audio-1.5", "gpt-audio-1.5"),
        ("OpenAI/gpt-AUDIO", "gpt-audio"),
        ("qwen/qwen2.5-omni-7b", "Qwen/Qwen2.5-Omni-7B"),
        ("Azure/GPT-4o-Audio-Preview", "azure/gpt-4o-audio-preview-2024-12-17"),
        ("Local", "local/smollm2-135m"),
        ("echo", "echo/echo"),
    ],
)
def test_a_name_is_found_whatever_its_case(name: str, own: str) -> None:
    assert known(name).id == own


def test_no_two_models_differ_only_in_case() -> None:
    assert len({name.lower() for name in known_models()}) == len(known_models())


def test_a_provider_can_stand_apart() -> None:
    assert lookup("gpt-audio", "openai") == lookup("gpt-audio")
    assert lookup("gpt-audio", "azure") == lookup("azure/gpt-audio")
    assert lookup("gpt-audio", "echo") is None


def test_behind_a_router_a_model_has_another_price() -> None:
    assert known("openrouter/openai/gpt-audio-1.5").prices == Prices()


def test_every_model_that_is_listed_is_found() -> None:
    names = known_models()
    assert len(names) == len(set(names)) >= 750
    assert all(lookup(name) is not None for name in names)
    assert [model.id for model in Table().models()] == names


def test_the_previews_say_when_they_end_and_what_follows() -> None:
    preview = known("gpt-4o-audio-preview")
    assert (preview.shutdown, preview.successor) == ("2027-01-20", "gpt-audio-1.5")
    assert known("gpt-audio-1.5").shutdown is None


@pytest.mark.parametrize(
    ("name", "word_times", "segment_times", "speakers", "prompt"),
    [
        ("whisper-1", True, True, False, True),
        ("gpt-transcribe", False, False, False, True),
        ("gpt-4o-mini-transcribe", False, False, False, True),
        ("gpt-4o-transcribe-diarize", False, True, True, False),
        ("groq/whisper-large-v3", True, True, False, True),
        ("mistral/voxtral-mini-latest", None, True, True, False),
        ("local/moonshine-tiny-en", True, True, False, False),
        ("azure/whisper", None, None, None, None),
    ],
)
def test_what_a_transcript_tells_beside_its_text(
    name: str,
    word_times: bool | None,
    segment_times: bool | None,
    speakers: bool | None,
    prompt: bool | None,
) -> None:
    found = known(name)
    told = (found.word_times, found.segment_times, found.speakers, found.prompt)
    assert told == (word_times, segment_times, speakers, prompt)


def test_a_minute_is_priced_by_its_seconds_or_its_tokens() -> None:
    assert known("gpt-audio-1.5").input_per_minute == pytest.approx(32 * 10 * 60 / 1e6)
    assert known("gpt-audio-1.5").output_per_minute == pytest.approx(64 * 20 * 60 / 1e6)
    assert known("whisper-1").input_per_minute == pytest.approx(0.006)
    assert known("tts-1").output_per_minute is None


def test_each_fact_has_its_source() -> None:
    for model in Table().models():
        assert model.source, model.id
    preview = known("gpt-audio")
    assert preview.source_of("audio_in") == "LiteLLM 1.109.1"
    assert preview.source_of("voices") == "OpenAI's API reference, and the SDK's types (openai-python 3.54)"


def test_a_file_of_rows_is_read_back(tmp_path: Path) -> None:
    """Whatever a name holds, it is found, and cannot stand for another's row."""
    rows = {name: {"mode": "chat", "source": name} for name in ('a"b', "line\nfeed", '"x": {}', "é")}
    path = tmp_path / "models.json"
    path.write_text(as_file(rows, {"other": "é"}), "utf-8")
    table = Table(str(path))
    assert {name: table.lookup(name) for name in rows} == {name: from_row(name, rows[name]) for name in rows}
    assert table.lookup("other") == from_row("é", rows["é"])
    assert sorted(table.names()) == sorted(rows)
    assert json.loads(path.read_bytes())["other"] == "é"


def test_a_users_model_info_stands_above_the_table() -> None:
    info = {
        "supports_audio_input": False,
        "supports_audio_output": "perhaps",
        "mode": "chat",
        "max_input_tokens": 1000,
        "input_cost_per_token": "1e-06",
        "deprecation_date": None,
    }
    table, own = known("gpt-audio"), override(known("gpt-audio"), info)
    assert (own.audio_input, own.audio_output, own.max_input_tokens) == (False, True, 1000)
    assert (own.prices.text_in, own.prices.text_out) == (1, table.prices.text_out)
    assert own.source_of("audio_input") == "model_info in the config"
    assert own.source_of("audio_output") == table.source_of("audio_output")
    assert override(table, {}) == table
