"""A table that is newer than the one that came with the program: made by it, of newer public maps."""

import json
import os
from collections.abc import Mapping
from typing import Any

from audiocli.catalog.building import build
from audiocli.errors import InputError, OutputError
from audiocli.files import AtomicFile
from audiocli.printable import quoted

PUBLIC_MAPS = (
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    "https://models.dev/api.json",
)
"""LiteLLM's, and models.dev's."""

# What each had in November 2026 is 415 and 353; one with far fewer is not that map.
FEWEST_MODELS = 500
KEPT = "the old table is kept"


def write(path: str, litellm: Mapping[str, Any], models_dev: Mapping[str, Any]) -> int:
    """Make the table at `path` of both maps; returns how many models it has.

    Raises `InputError` for maps that are not what they should be, and `OutputError`: the old one then stays.
    """
    text = build(litellm, models_dev)
    rows = {name: row for name, row in json.loads(text).items() if isinstance(row, dict)}
    known = rows.get("gpt-audio-1.5", {})
    if len(rows) < FEWEST_MODELS or not (known.get("audio_input") and known.get("audio_output")):
        raise InputError("the public maps lack the models that they had", hint=KEPT)
    _make_folder(os.path.dirname(path))
    file = AtomicFile(path)
    try:
        file.write(text.encode())
        file.commit()
    except BaseException:
        file.discard()
        raise
    return len(rows)


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {quoted(path)} cannot be made: {error.strerror}", hint=KEPT) from error
