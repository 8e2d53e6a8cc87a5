"""What a process costs: its CPU time and its peak memory, as the kernel counts them."""

import compileall
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.command import environment

PYTHON = sys.executable
AUDIOCLI = str(Path(sys.executable).with_name("audiocli"))

Command = Sequence[str]

# A process starts with the peak of the one that forks it, so a small one stands between.
_OBSERVER = """
import json, resource, subprocess, sys
null = subprocess.DEVNULL
code = subprocess.call(sys.argv[1:], stdin=null, stdout=null, stderr=null)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""


@dataclass(frozen=True)
class Cost:
    """CPU time in milliseconds, peak memory in megabytes."""

    cpu: float
    memory: float


def cost(command: Command) -> Cost:
    """What one run of `command` costs. Raises `RuntimeError` where it fails."""
    observed = subprocess.run(
        [PYTHON, "-c", _OBSERVER, *command], env=environment(), stdout=subprocess.PIPE, check=True
    )
    code, seconds, peak = json.loads(observed.stdout)
    if code:
        raise RuntimeError(f"exit code {code}: {' '.join(command)}")
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    return Cost(seconds * 1000, peak / unit)


def least_cpu(*commands: Command, rounds: int = 15) -> list[float]:
    """The least CPU time of each, in milliseconds. They take turns, so that all meet the same machine."""
    runs = [[cost(command).cpu for command in commands] for _ in range(rounds)]
    return [min(column) for column in zip(*runs, strict=True)]


def least_memory(*commands: Command, rounds: int = 3) -> list[float]:
    """The least peak memory of each command, in megabytes."""
    runs = [[cost(command).memory for command in commands] for _ in range(rounds)]
    return [min(column) for column in zip(*runs, strict=True)]


def compile_everything() -> None:
    """Make the bytecode that an installed program has: without it, each start compiles anew."""
    folders = [path for path in sys.path if path and Path(path).is_dir()]
    for folder in [*folders, str(Path(__file__).parents[2] / "audiocli")]:
        compileall.compile_dir(
            folder, maxlevels=8, quiet=2, rx=re.compile(r"[/\\\\](lib2to3|test|tests)[/\\\\]")
        )
