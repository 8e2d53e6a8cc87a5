"""The table's file, made of the two public maps and what is known better."""

import os
import tomllib
from collections.abc import Mapping
from typing import Any

from audiocli.catalog import corrections
from audiocli.catalog.pricing import priced
from audiocli.catalog.sources import merged, text_only
from audiocli.catalog.table import BUILT_IN, as_file, text_only_rows

CORRECTIONS = os.path.join(os.path.dirname(BUILT_IN), "corrections.toml")


def build(litellm: Mapping[str, Any], models_dev: Mapping[str, Any]) -> str:
    """The content of `models.json`. The same maps, and the same present table, give the same text.

    Of models without audio only whole maps say anything: those of the present table are kept beside them.
    """
    with open(CORRECTIONS, "rb") as file:
        curated = tomllib.load(file)
    curation = corrections.read(curated)
    rows = priced(curation.apply(merged(litellm, models_dev)))
    without = {**text_only_rows(), **text_only(litellm, models_dev)}
    return as_file({**rows, **curation.rules}, curated["aliases"], without)
