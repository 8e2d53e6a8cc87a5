"""What the end-to-end tests stand on: the embedded model, where it can be had."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

from audiocli.errors import DependencyError
from audiocli.local.weights import locate, locate_hearing
from tests.command import cache_home

CACHE = Path(cache_home()) / "audiocli"
"""Where a user of this machine has the embedded model's weights."""


@pytest.fixture(scope="session")
def embedded_model() -> Path:
    """The model's file, where a user of this machine has it. It is fetched if it is not there."""
    for package in ("xllamacpp", "onnxruntime", "pocketsphinx", "espeakng_loader", "soxr"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the extra `local` is not installed: there is no {package}")
    try:
        asyncio.run(locate_hearing(CACHE, lambda what, done, total: None))
        return asyncio.run(locate(None, CACHE, lambda what, done, total: None))
    except DependencyError as error:
        pytest.skip(str(error))
