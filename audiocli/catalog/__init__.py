"""What a model is known to do, from one table of facts with their sources. Unknown is `None`, never "no"."""

from audiocli.catalog.facts import Capabilities, Prices
from audiocli.catalog.table import Table, current_table

__all__ = ["Capabilities", "Prices", "Table", "current_table", "known_models", "lookup"]

_built_in = Table()

lookup = _built_in.lookup
known_models = _built_in.names
