"""What values of options stand for."""

import pytest

from audiocli.cli.options import parse_time
from audiocli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90.5", 90.5),
        ("1:30", 90),
        ("90:00", 5400),
        ("1:02:03.25", 3723.25),
        ("10:00:00", 36_000),
    ],
)
def test_a_time_is_seconds_or_minutes_or_hours(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1:60", "1:60:00", "1:2:3:4", "1:", "nan", "inf", "1e3", "٣"]
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_time(text)
