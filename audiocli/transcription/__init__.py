"""Recordings of any length, and archives of them, become transcripts.

The package is a function as well, LiteLLM's: `audiocli.transcription("whisper-1", file)`.
"""

import sys
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _Function(ModuleType):
    """A module that can be called: the SDK's function has the name of this package."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _function()(*args, **kwargs)

    @property
    def __signature__(self) -> Signature:
        return signature(_function())


def _function() -> Any:
    # The function is in a layer above, of which nothing here knows until it is called from there.
    return import_module("audiocli.sdk.transcriptions").transcription


sys.modules[__name__].__class__ = _Function
