"""Names with a `*`, by which a config stands for many models at once."""

from collections.abc import Iterable

EVERY_NAME = "*"


def matched(pattern: str, name: str) -> str | None:
    """What the `*` of `pattern` stands for in `name`."""
    before, _, after = pattern.partition("*")
    if len(name) < len(before) + len(after) or not name.startswith(before) or not name.endswith(after):
        return None
    return name[len(before) : len(name) - len(after)]


def patterns(names: Iterable[str]) -> list[str]:
    """Those of `names` that have a `*`, the most specific first."""
    return sorted((name for name in names if "*" in name), key=len, reverse=True)
