"""Values out of other people's JSON: each is what it should be, or `None`, or empty."""

import re
from collections.abc import Mapping
from typing import Any


def price(value: Any, times: float = 1) -> float | None:
    """A price, `times` itself, to nine digits: 2.5e-06 times a million is 2.4999999999999996."""
    number = _number(value)
    if number is None or number >= 1e6:
        return None
    rounded = float(f"{number * times:.9g}")
    return int(rounded) if rounded.is_integer() else rounded


def count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number < 1e12 else None


def flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def date(value: Any) -> str | None:
    written = str(value)  # YAML makes a date of it.
    return written if re.fullmatch(r"\d{4}-\d\d-\d\d", written, re.ASCII) else None


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # YAML takes 1e-06, which users write, for text, and OpenRouter sends text.
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number >= 0 else None
