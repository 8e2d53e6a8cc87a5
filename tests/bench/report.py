"""The lines of a report: what was measured, what is to be reached, and what it is compared with."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line: a figure, what it must not exceed, and what it is compared with, or comes from."""

    name: str
    measured: float
    unit: str
    reference: str
    limit: float

    def __str__(self) -> str:
        verdict = "MISSED" if self.measured > self.limit else "ok"
        figures = f"{self.measured:8.2f} {self.unit:<3}≤ {self.limit:<5.4g} {verdict:<7}"
        return f"  {self.name:<40}{figures}{self.reference}"


def heading(of: object) -> str:
    """The first line of a docstring, above the results that it tells of."""
    return f"\n{(of.__doc__ or '').partition(chr(10))[0]}"


def load() -> str:
    """How busy the machine is: another's work distorts every figure."""
    averages = " ".join(f"{average:.2f}" for average in os.getloadavg())
    return f"{os.cpu_count()} processors; load average {averages}"
