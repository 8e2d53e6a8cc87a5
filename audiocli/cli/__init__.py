"""The command line. `main` is where it starts, and imports nothing that `--version` does not need."""

import gc
import sys

from audiocli import __version__


def main() -> int:
    """Run the command line that the program was started with; returns its exit code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        print(f"audiocli {__version__}")  # noqa: T201 - before there is anything to print with
        return 0
    _hasten_imports()
    from audiocli.cli.boundary import run

    return run(arguments)


def _hasten_imports() -> None:
    gc.disable()  # Imports leave no garbage: looking for it costs 6 ms. `answer` switches it on.
    # httpx imports its own command line where it finds click: 60 ms for what this process never runs.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # the documented way to say "not there"
