"""A name finds its row: dated and undated, with and without its provider, behind a router."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audiocli.catalog import Capabilities, Prices, Table, known_models, lookup
from audiocli.catalog.facts import from_row
from audiocli.catalog.override import override
from audiocli.catalog.table import as_file


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
    assert lookup("gpt-audio", "openai") == lookup("openai/gpt-audio", "openai") == lookup("gpt-audio")
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


@pytest.mark.parametrize(
    ("name", "sent", "received"),
    [
        ("gpt-audio-1.5", 32 * 10 * 60 / 1e6, 64 * 20 * 60 / 1e6),
        ("gpt-4o-audio-preview", 0.024, 0.096),
        ("whisper-1", 0.006, None),
        ("soniox/stt-async-v5", 0.00166667, None),  # $0.10 an hour
        ("groq/whisper-large-v3", 0.0018498, None),
        ("gpt-live-1", 0.05, None),
        ("gpt-4o-mini-tts", None, 0.015),
        ("tts-1", None, None),  # by the character: nobody knows how many a minute has
        ("gemini/gemini-2.5-flash", 1 * 32 * 60 / 1e6, None),
        ("vertex_ai/gemini-3-flash-preview", 1 * 25 * 60 / 1e6, None),
        ("gemini/gemini-3.8-flash-tts", None, 9 * 25 * 60 / 1e6),
        ("gemini/gemini-2.5-pro", 1.25 * 32 * 60 / 1e6, None),  # one price for all that is sent
        ("mistral/voxtral-small-latest", 0.004, None),
        ("azure/phi-4-multimodal", None, None),  # nor how many of them a second has
        ("local", 0, 0),
    ],
)
def test_a_minute_is_priced_by_its_seconds_or_its_tokens(
    name: str, sent: float | None, received: float | None
) -> None:
    assert (known(name).input_per_minute, known(name).output_per_minute) == (sent, received)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("gpt-audio-1.5", {"stream_formats": ("pcm16",), "needs_audio": True, "needs_stream": False}),
        ("whisper-1", {"max_file_bytes": 26_214_400, "max_seconds": 1800, "streaming": False}),
        ("gpt-4o-transcribe-diarize", {"max_seconds": 1400, "speakers": True, "streaming": True}),
        ("tts-1", {"shutdown": "2027-01-06", "character_in": 15}),
        ("azure/gpt-audio-1.5", {"shutdown": "2027-08-24", "max_file_bytes": 20_000_000}),
        ("openrouter/openai/gpt-audio", {"needs_stream": True, "output_formats": ("pcm16",)}),
        ("qwen3.5-omni-plus", {"audio_output": True, "needs_stream": True, "max_file_bytes": 7_500_000}),
        ("qwen3.8-omni-flash", {"audio_output": False}),
        ("gemini/gemini-2.5-pro", {"streaming": True, "max_seconds": 34_200}),
        ("gemini/gemini-3.8-live", {"mode": "realtime", "input_formats": ("pcm16",), "streaming": True}),
        ("gemini/gemini-3.5-transcribe-live", {"mode": "realtime", "audio_output": False}),
        ("gemini/gemini-3.1-flash-tts-preview", {"shutdown": "2026-11-17"}),
    ],
)
def test_what_vendors_state_is_in_the_table(name: str, facts: dict[str, Any]) -> None:
    found = {**vars(known(name)), **vars(known(name).prices)}
    assert {fact: found[fact] for fact in facts} == facts


def test_each_fact_has_its_source() -> None:
    for model in Table().models():
        assert model.source, model.id
    preview = known("gpt-audio")
    assert preview.source_of("audio_in") == "LiteLLM 1.110.2"
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


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("gemini/models/gemini-3.8-flash", "gemini/gemini-3.8-flash"),
        ("ft:gpt-4o-audio-preview-2024-12-17:acme:dogs:abc", "gpt-4o-audio-preview-2024-12-17"),
        ("openai/ft:gpt-audio-1.5:acme::abc", "gpt-audio-1.5"),
        ("gpt-audio-1.5-2027-03-01", "gpt-audio-1.5"),
        ("openrouter/openai/gpt-audio-2027-03-01", "openrouter/openai/gpt-audio"),
    ],
)
def test_a_known_name_with_something_added_can_do_the_same(name: str, same_as: str) -> None:
    longer, shorter = known(name), known(same_as)
    for fact in ("mode", "audio_input", "audio_output", "needs_stream", "output_formats", "voices"):
        assert getattr(longer, fact) == getattr(shorter, fact)


def test_an_unknown_snapshot_does_not_end_with_its_namesake() -> None:
    assert known("gpt-4o-audio-preview").shutdown == "2027-01-20"
    assert known("gpt-4o-audio-preview-2027-05-05").shutdown is None


def test_a_fine_tuned_model_has_a_price_of_its_own() -> None:
    assert known("ft:gpt-audio-1.5:acme::abc").prices == Prices()


@pytest.mark.parametrize(
    "name",
    ["vertex_ai/gemini/gemini-3.8-flash", "groq/openai/gpt-audio", "ft:", "ft:nobody:a", "x-2027-01-01"],
)
def test_what_only_looks_like_a_known_name_is_unknown(name: str) -> None:
    assert lookup(name) is None


@pytest.mark.parametrize("name", ["openrouter/openai/gpt-audio-1.5", "openrouter/openai/gpt-audio-mini"])
def test_what_a_router_says_of_a_maker_holds_for_names_that_no_map_has(name: str) -> None:
    model = known(name)
    assert (model.needs_stream, model.output_formats, model.stream_formats) == (True, ("pcm16",), ("pcm16",))
    assert "m4a" in model.input_formats
    assert model.source_of("needs_stream") == "OpenRouter's documentation, 2026-11"


def test_a_router_rule_is_no_model() -> None:
    assert lookup("openrouter/openai/*") is None
    assert not [name for name in Table().names() if "*" in name]
    assert not [model.id for model in Table().models() if "*" in model.id]


@pytest.mark.parametrize(
    "name",
    [
        "claude-sonnet-4-5",
        "anthropic/claude-opus-4-5",
        "gpt-5.1",
        "together_ai/openai/gpt-oss-120b",
        "deepseek-chat",
    ],
)
def test_models_without_audio_are_known_as_such(name: str) -> None:
    model = known(name)
    assert (model.mode, model.audio_input, model.audio_output) == ("chat", False, False)
    assert model.source in ("models.dev", "LiteLLM's map")


def test_a_bare_name_is_found_if_one_provider_alone_has_it() -> None:
    table = Table()
    assert table.lookup("scribe_v2") == replace(known("elevenlabs/scribe_v2"))
    assert table.lookup("whisper-large-v3-turbo") is None  # Groq's, and others'


def test_after_its_end_a_model_may_be_answered_and_billed_by_its_successor() -> None:
    for old, new in (("2.5-flash", "3.5-flash-lite"), ("2.5-pro", "3.8-flash")):
        model, successor = known(f"gemini/gemini-{old}"), known(f"gemini/gemini-{new}")
        assert (model.shutdown, model.successor) == ("2026-12-01", successor.id)
        assert not model.is_retired("2026-12-01")
        assert model.end("2026-11-28") == f"retires 2026-12-01, then answered by {successor.id}"
        assert model.prices_on("2026-11-30") == model.prices
        assert model.prices_on("2026-12-01") == successor.prices
        assert model.prices_on("2027-02-01") == successor.prices_on("2027-02-01")


def test_prices_hold_from_a_date() -> None:
    for name in ("3.6-flash", "3.7-flash", "3.8-flash"):
        model = known(f"gemini/gemini-{name}")
        before, after = model.prices_on("2026-12-31"), model.prices_on("2027-01-01")
        assert (before.text_in, before.text_out, before.audio_in) == (0.75, 3.75, 0.75)
        assert (after.text_in, after.text_out, after.audio_in, after.cached_text_in) == (1.5, 7.5, 1.5, 0.15)


def test_long_requests_have_prices_of_their_own() -> None:
    prices = known("gemini/gemini-2.5-pro").prices
    assert prices.for_request(200_000).text_in == 1.25
    assert (prices.for_request(200_001).text_in, prices.for_request(200_001).audio_in) == (2.5, 2.5)
    assert prices.for_request(200_001).text_out == 15


def test_a_users_price_is_not_changed_by_the_tables_dates_and_tiers() -> None:
    own = override(known("gemini/gemini-2.5-pro"), {"input_cost_per_token": 1e-06})
    assert own.prices_on("2027-02-01").for_request(300_000).text_in == 1


def test_a_models_price_may_be_cheaper_for_cached_tokens() -> None:
    prices = known("gemini/gemini-2.5-flash").prices
    assert (prices.cached_text_in, prices.cached_audio_in) == (0.03, 0.1)
