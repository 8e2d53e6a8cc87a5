"""The two public maps of models, read into rows of facts: only what they say, and nothing concluded.

A pure module: `from_litellm` reads LiteLLM's `model_prices_and_context_window.json`, `from_models_dev` reads
models.dev's `api.json`, and both read a selection of those. Rows that are not as expected are passed over.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from audiocli.catalog.facts import TOKENS, Row
from audiocli.catalog.reading import count, date, flag, items, mapping, price, text

Document = Mapping[str, Any]

_MODES = {
    "audio_transcription": "transcription",
    "audio_speech": "speech",
    "image_generation": "image",
    "video_generation": "video",
}
_SOUND_MODES = frozenset({"transcription", "speech", "realtime"})
_PROVIDERS = {
    "bedrock_converse": "bedrock",
    "vertex_ai-embedding-models": "vertex_ai",
    "vertex_ai-language-models": "vertex_ai",
}
_TOKEN_PRICES = {
    "text_in": "input_cost_per_token",
    "text_out": "output_cost_per_token",
    "audio_in": "input_cost_per_audio_token",
    "audio_out": "output_cost_per_audio_token",
    "cached_text_in": "cache_read_input_token_cost",
    "cached_audio_in": "cache_read_input_audio_token_cost",
    "character_in": "input_cost_per_character",
}
_TIER = re.compile(r"_above_(\d+)k_tokens")

_COSTS = {
    "text_in": "input",
    "text_out": "output",
    "audio_in": "input_audio",
    "audio_out": "output_audio",
    "cached_text_in": "cache_read",
}


def merged(litellm: Document, models_dev: Document) -> dict[str, Row]:
    """Both maps as one. Where both have a name, LiteLLM's facts stand and models.dev's are added to them."""
    named = re.match(r"litellm [\d.]+", str(litellm.get("source")))
    ours = from_litellm(litellm, named[0].replace("litellm", "LiteLLM") if named else "LiteLLM's map")
    theirs = from_models_dev(models_dev, "models.dev")
    return {name: _joined(ours.get(name, {}), theirs.get(name, {})) for name in ours | theirs}


def _joined(first: Row, second: Row) -> Row:
    if not first or not second:
        return first or second
    added = {name: second["source"] for name in second if name not in first and name != "sources"}
    return second | first | {"sources": added | first.get("sources", {})}


def from_litellm(document: Document, source: str) -> dict[str, Row]:
    """The models of LiteLLM's map that touch audio, by its own names for them."""
    rows = mapping(document.get("models", document))
    return {
        name: _without_unknown(litellm_facts(row)) | {"source": source} | _ending_source(row)
        for name, row in rows.items()
        if isinstance(row, dict) and name != "sample_spec" and _touches_audio(row)
    }


def _ending_source(row: Mapping[str, Any]) -> Row:
    page = text(row.get("deprecation_source"))
    facts = {"shutdown": date(row.get("deprecation_date")), "successor": text(row.get("successor_model"))}
    return {"sources": dict.fromkeys(_without_unknown(facts), page)} if page and any(facts.values()) else {}


def litellm_facts(row: Mapping[str, Any]) -> Row:
    """What one entry of the map says, or a user's `model_info`, which has its form."""
    provider, mode = text(row.get("litellm_provider")), text(row.get("mode"))
    return {
        "provider": _PROVIDERS.get(provider or "", provider),
        "mode": _MODES.get(mode or "", mode),
        "audio_input": _says_audio(row, "supports_audio_input", "supported_modalities"),
        "audio_output": _says_audio(row, "supports_audio_output", "supported_output_modalities"),
        "streaming": flag(row.get("supports_native_streaming")),
        "max_input_tokens": count(row.get("max_input_tokens")),
        "max_output_tokens": count(row.get("max_output_tokens")),
        "shutdown": date(row.get("deprecation_date")),
        "successor": text(row.get("successor_model")),
        **_litellm_prices(row),
    }


def _litellm_prices(row: Mapping[str, Any]) -> Row:
    prices: Row = {**_token_prices(row), "tiers": _litellm_tiers(row)}
    if row.get("mode") == "video_generation":
        return prices  # Its seconds are of video.
    # Both names mean the same. A running server has all the members that there are, most of them null.
    stated = (price(row.get(f"input_cost_per_{unit}")) for unit in ("second", "audio_per_second"))
    return prices | {
        "second_in": next((second for second in stated if second is not None), None),
        "second_out": price(row.get("output_cost_per_second")),
    }


def _token_prices(row: Mapping[str, Any], suffix: str = "") -> Row:
    return {name: price(row.get(key + suffix), TOKENS) for name, key in _TOKEN_PRICES.items()}


def _litellm_tiers(row: Mapping[str, Any]) -> list[Row] | None:
    """Of long requests; what has no price of its own there keeps the ordinary one."""
    found = {_TIER.fullmatch(key.removeprefix(base)) for base in _TOKEN_PRICES.values() for key in row}
    starts = {int(match[1]) for match in found if match and len(match[1]) < 9}
    ordinary = _without_unknown(_token_prices(row))
    tiers = (
        {"above": start * 1000, **ordinary, **_without_unknown(_token_prices(row, f"_above_{start}k_tokens"))}
        for start in sorted(starts)
    )
    return list(tiers) or None


def _says_audio(row: Mapping[str, Any], supports: str, modalities: str) -> bool | None:
    """The flag; where that is missing, whether audio stands in the list; unknown without either."""
    stated, listed = flag(row.get(supports)), row.get(modalities)
    if stated is not None or not isinstance(listed, list):
        return stated
    return "audio" in listed


def _touches_audio(row: Mapping[str, Any]) -> bool:
    listed = (*items(row.get("supported_modalities")), *items(row.get("supported_output_modalities")))
    return (
        litellm_facts(row)["mode"] in _SOUND_MODES
        or row.get("supports_audio_input") is True
        or row.get("supports_audio_output") is True
        or "audio" in listed
        or any("cost" in key and "audio" in key for key in row)
        or any("/audio/" in str(endpoint) for endpoint in items(row.get("supported_endpoints")))
    )


def from_models_dev(document: Document, source: str) -> dict[str, Row]:
    """The models of models.dev that touch audio, as `provider/model`.

    It lists every modality that a model has: one that is not in its list, the model does not have.
    """
    rows = {}
    for name, row in _models_dev_entries(document):
        facts = _models_dev_facts(name, row)
        if facts.get("audio_input") or facts.get("audio_output"):
            rows[name] = _without_unknown(facts) | {"source": source}
    return rows


def text_only(litellm: Document, models_dev: Document) -> dict[str, list[str | None]]:
    """The mode and the source of each model that a map says has no audio.

    LiteLLM says so only where it lists both kinds of modalities: a flag that it lacks says nothing.
    """
    listed: dict[str, list[str | None]] = {
        _full_name(name, row): [text(row.get("mode")), "LiteLLM's map"]
        for name, row in mapping(litellm.get("models", litellm)).items()
        if isinstance(row, dict) and _lists_no_audio(row)
    }
    return {**listed, **_models_dev_text_only(models_dev)}


def _full_name(name: str, row: Mapping[str, Any]) -> str:
    """With the provider in front, which LiteLLM leaves out of many names; OpenAI's go without."""
    provider = _PROVIDERS.get(str(row.get("litellm_provider")), text(row.get("litellm_provider")))
    return name if "/" in name or provider in (None, "openai") else f"{provider}/{name}"


def _lists_no_audio(row: Mapping[str, Any]) -> bool:
    listed = (row.get("supported_modalities"), row.get("supported_output_modalities"))
    return all(isinstance(modalities, list) for modalities in listed) and not _touches_audio(row)


def _models_dev_text_only(document: Document) -> dict[str, list[str | None]]:
    return {
        name.removeprefix("openai/"): [_mode_of_silent(row), "models.dev"]
        for name, row in _models_dev_entries(document)
        if (facts := _models_dev_facts(name, row)) and not (facts["audio_input"] or facts["audio_output"])
    }


def _mode_of_silent(row: Mapping[str, Any]) -> str | None:
    made = row["modalities"]["output"]
    return "chat" if "text" in made else text(next(iter(made), None))


def _models_dev_entries(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in document.items():
        if isinstance(entry, dict) and isinstance(entry.get("models"), dict):
            for model, row in entry["models"].items():
                yield f"{name}/{model}", row
        else:
            yield name, entry


def _models_dev_facts(name: str, row: Mapping[str, Any]) -> Row:
    match row:
        case {"modalities": {"input": list(taken), "output": list(made)}}:
            cost, limit = mapping(row.get("cost")), mapping(row.get("limit"))
        case _:
            return {}
    return {
        "provider": name.partition("/")[0],
        "mode": _mode_of(taken, made),
        "audio_input": "audio" in taken,
        "audio_output": "audio" in made,
        # It writes 0 for a limit that it does not know.
        "max_input_tokens": count(limit.get("context")) or None,
        "max_output_tokens": count(limit.get("output")) or None,
        **_models_dev_prices(cost),
        "tiers": _models_dev_tiers(cost),
    }


def _models_dev_prices(cost: Mapping[str, Any]) -> Row:
    return {name: price(cost.get(key)) for name, key in _COSTS.items()}


def _models_dev_tiers(cost: Mapping[str, Any]) -> list[Row] | None:
    ordinary = _without_unknown(_models_dev_prices(cost))
    tiers = [
        {"above": above, **ordinary, **_without_unknown(_models_dev_prices(tier))}
        for tier in map(mapping, items(cost.get("tiers")))
        if (above := count(mapping(tier.get("tier")).get("size")))
    ]
    return tiers or None


def _mode_of(taken: list[str], made: list[str]) -> str:
    """models.dev names no modes: what goes in and comes out tells the two that are not conversations."""
    if taken == ["audio"] and made == ["text"]:
        return "transcription"
    return "speech" if made == ["audio"] else "chat"


def _without_unknown(facts: Row) -> Row:
    return {name: value for name, value in facts.items() if value is not None}
