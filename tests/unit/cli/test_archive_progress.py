"""What stands beside the bars of a run."""

import pytest

from audiocli.cli.transcribe.archive_progress import end_of


@pytest.mark.parametrize(
    ("name", "columns", "shown"),
    [
        ("talk.wav", 8, "talk.wav"),
        ("interviews/talk 12.wav", 12, "…talk 12.wav"),
        ("日本語の録音.wav", 9, "…録音.wav"),
        ("talk.wav", 0, "…"),
    ],
)
def test_of_a_name_that_is_too_long_the_end_is_shown(name: str, columns: int, shown: str) -> None:
    assert end_of(name, columns) == shown
