"""Builds the table of models from the two public maps and corrections.toml: `make caps-data`.

    python scripts/build_capabilities.py [LITELLM_MAP [MODELS_DEV_MAP]]

Without arguments it reads the snapshots beside the repository. The same input gives the same bytes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from audiocli.catalog.building import build
from audiocli.catalog.table import BUILT_IN

SNAPSHOTS = Path(__file__).resolve().parents[2] / "shared" / "reference" / "capabilities"
DEFAULTS = ("litellm_audio.json", "models_dev_audio.json")


def main(arguments: list[str]) -> None:
    named = [Path(argument) for argument in arguments]
    litellm, models_dev = (*named, *(SNAPSHOTS / name for name in DEFAULTS[len(named) :]))
    table = build(_read(litellm), _read(models_dev))
    Path(BUILT_IN).write_text(table, "utf-8", newline="\n")


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


if __name__ == "__main__":
    main(sys.argv[1:])
