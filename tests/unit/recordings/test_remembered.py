"""What is told of a recording adds up."""

import pytest

from audiocli.recordings.job import PieceDone
from audiocli.recordings.remembering.remembered import Tally


@pytest.mark.parametrize(
    ("costs", "dollars"),
    [([], 0.0), ([0.0], 0.0), ([0.25, None, 0.5], 0.75), ([None], None), ([0.0, None], None)],
    ids=["nothing was asked", "silence", "one is not known", "none is known", "silence and one not known"],
)
def test_what_was_paid_is_told_as_far_as_it_is_known(
    costs: list[float | None], dollars: float | None
) -> None:
    tally = Tally()
    for number, cost in enumerate(costs):
        tally.take(PieceDone(number, number + 1, (), "piece", dollars=cost))
    assert tally.dollars == dollars
