"""What a running server says of its models, in whichever of three forms it says it.

`/model/info` and `/model_group/info` are LiteLLM's and ours. `/v1/models` is everyone's: OpenRouter's says
what goes in and comes out, vLLM's how long a context may be, OpenAI's little but the name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from audiocli.catalog.facts import TOKENS, Capabilities, Prices, Row, with_facts
from audiocli.catalog.reading import count, date, items, mapping, price, text
from audiocli.catalog.sources import litellm_facts
from audiocli.catalog.table import Table

PATHS = ("/model/info", "/model_group/info", "/v1/models?output_modalities=all")
"""In the order of how much they tell. OpenRouter lists models that speak only where it is asked to."""


@dataclass(frozen=True)
class Served:
    """A model that a server has: its name there, the model that it is said to be, and what is said of it."""

    name: str
    behind: str | None
    facts: Row


def read(document: Mapping[str, Any]) -> list[Served]:
    """The models in a server's answer. Rows that are not as expected are passed over."""
    served: dict[str, Served] = {}
    for model in _models(document):
        served.setdefault(model.name, model)
    return list(served.values())


def _models(document: Mapping[str, Any]) -> Iterator[Served]:
    for row in items(document.get("data")):
        match row:
            case {"model_name": str(name), "model_info": dict(info)}:
                behind = text(mapping(row.get("litellm_params")).get("model"))
                yield Served(name, behind, litellm_facts(info))
            case {"model_group": str(name)}:
                provider = text(next(iter(items(row.get("providers"))), None))
                yield Served(name, None, litellm_facts(row) | {"provider": provider})
            case {"id": str(name)}:
                yield Served(name, None, _listed_facts(row))


def _listed_facts(row: Mapping[str, Any]) -> Row:
    architecture, prices = mapping(row.get("architecture")), mapping(row.get("pricing"))
    return {
        "audio_input": _lists_audio(architecture.get("input_modalities")),
        "audio_output": _lists_audio(architecture.get("output_modalities")),
        "voices": tuple(filter(None, map(text, items(row.get("supported_voices"))))) or None,
        "max_input_tokens": count(row.get("context_length")) or count(row.get("max_model_len")),
        "max_output_tokens": count(mapping(row.get("top_provider")).get("max_completion_tokens")),
        "shutdown": date(row.get("shutdown_date")),
        "text_in": price(prices.get("prompt"), TOKENS),
        "text_out": price(prices.get("completion"), TOKENS),
        "audio_in": price(prices.get("audio"), TOKENS),
    }


def _lists_audio(modalities: Any) -> bool | None:
    return "audio" in modalities if isinstance(modalities, list) else None


def describe(model: Served, table: Table, source: str) -> Capabilities:
    """What is known of `model`: what the server says, and beside it what `table` has, but for its prices."""
    known = table.lookup(model.behind or model.name) or Capabilities(id=model.name)
    return with_facts(replace(known, id=model.name, provider=None, prices=Prices()), model.facts, source)
