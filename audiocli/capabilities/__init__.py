"""What a model is known to do, from one table of facts with their sources. Unknown is `None`, never "no".

The package is a function as well: `audiocli.capabilities("gpt-audio-1.5")` asks the config, too.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from audiocli.capabilities.facts import Capabilities, Prices
from audiocli.capabilities.table import Table, current_table

__all__ = ["Capabilities", "Prices", "Table", "current_table", "known_models", "lookup"]

_built_in = Table()

lookup = _built_in.lookup
known_models = _built_in.names


class _Function(ModuleType):
    """A module that can be called: the library's function has the name of this package."""

    def __call__(self, model: str, provider: str | None = None) -> Capabilities | None:
        # The config is read in a layer above, of which nothing here knows until it is called from there.
        above: Any = import_module("audiocli.library.lookup")
        known: Capabilities | None = above.capabilities(model, provider)
        return known


sys.modules[__name__].__class__ = _Function
