"""Answers that real services gave, kept outside this repository. Where they are not, tests skip."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "recorded"

needs_recordings = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"needs the recorded answers, which are not at {FOLDER}"
)


def recorded(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def recorded_json(name: str) -> Any:
    return json.loads(recorded(name))
