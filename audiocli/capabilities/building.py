"""The table's file, made of the two public maps and what is known better."""

import os
import tomllib
from collections.abc import Mapping
from typing import Any

from audiocli.capabilities import corrections
from audiocli.capabilities.sources import merged
from audiocli.capabilities.table import BUILT_IN, as_file

CORRECTIONS = os.path.join(os.path.dirname(BUILT_IN), "corrections.toml")


def build(litellm: Mapping[str, Any], models_dev: Mapping[str, Any]) -> str:
    """The content of `models.json`. The same maps give the same text."""
    with open(CORRECTIONS, "rb") as file:
        curated = tomllib.load(file)
    rows = corrections.read(curated).apply(merged(litellm, models_dev))
    return as_file(rows, curated["aliases"])
