"""What a user, or a server, says of a model stands above the table."""

from collections.abc import Mapping
from typing import Any

from audiocli.catalog.facts import Capabilities, with_facts
from audiocli.catalog.sources import litellm_facts

CONFIG = "model_info in the config"


def override(known: Capabilities, model_info: Mapping[str, Any], source: str = CONFIG) -> Capabilities:
    """`known`, with what a `model_info` in LiteLLM's form says; what is not of its type says nothing."""
    return with_facts(known, litellm_facts(model_info), source)
