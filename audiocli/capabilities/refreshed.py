"""A table that is newer than the one that came with the program: made by it, of newer public maps."""

import json
import os
from collections.abc import Mapping
from typing import Any

from audiocli.capabilities.building import build
from audiocli.errors import InputError
from audiocli.files import AtomicFile

PUBLIC_MAPS = (
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    "https://models.dev/api.json",
)
"""LiteLLM's, and models.dev's."""

# What each had in November 2026 is 392 and 353; one with far fewer is not that map.
FEWEST_MODELS = 500


def write(path: str, litellm: Mapping[str, Any], models_dev: Mapping[str, Any]) -> int:
    """Make the table at `path` of both maps; returns how many models it has.

    Raises `InputError` for maps that are not what they should be, and `OutputError`: the old one then stays.
    """
    text = build(litellm, models_dev)
    rows = json.loads(text)
    known = rows.get("gpt-audio-1.5", {})
    if len(rows) < FEWEST_MODELS or not (known.get("audio_input") and known.get("audio_output")):
        raise InputError("the public maps lack the models that they had", hint="the old table is kept")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    file = AtomicFile(path)
    try:
        file.write(text.encode())
        file.commit()
    except BaseException:
        file.discard()
        raise
    return len(rows)
