"""What a running process and its children have cost so far, as Linux counts it."""

import time
from collections.abc import Iterator
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """CPU time of all their threads. The number of a process's clock is in clock_getcpuclockid(3)."""
    return sum(time.clock_gettime((~each << 3) | 2) for each in _family(pid))


def memory(pid: int, *, peak: bool = False) -> float:
    """Resident megabytes, or the most that each has ever had."""
    field = "VmHWM:" if peak else "VmRSS:"
    return sum(_kilobytes(each, field) for each in _family(pid)) / 1000


def _kilobytes(pid: int, field: str) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition(field)[2].split()[0])


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))
