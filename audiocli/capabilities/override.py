"""What a user, or a server, says of a model stands above the table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audiocli.capabilities.facts import PRICES, Capabilities, Row
from audiocli.capabilities.sources import litellm_facts

CONFIG = "model_info in the config"


def override(known: Capabilities, model_info: Mapping[str, Any], source: str = CONFIG) -> Capabilities:
    """`known`, with what a `model_info` in LiteLLM's form says; what is not of its type says nothing."""
    return with_facts(known, litellm_facts(model_info), source)


def with_facts(known: Capabilities, facts: Row, source: str) -> Capabilities:
    """`known` with each of `facts` that is not `None`, and `source` noted for it."""
    said = {name: value for name, value in facts.items() if value is not None}
    prices = {name: said.pop(name) for name in PRICES if name in said}
    return replace(
        known,
        prices=replace(known.prices, **prices),
        sources={**known.sources, **dict.fromkeys((*said, *prices), source)},
        **said,
    )
