"""What each command imports before it has something to do: start-up is a feature, and a list holds it."""

import json
import subprocess
import sys

import pytest

from tests.command import environment

# Packages of others, and what is slow to import of the standard library.
HEAVY = frozenset(
    {
        *("asyncio", "concurrent.futures", "ctypes", "decimal", "difflib", "email", "http", "http.client"),
        *("importlib.metadata", "logging", "multiprocessing", "pdb", "pydoc", "socket", "sqlite3", "ssl"),
        *("statistics", "subprocess", "tempfile", "typing_extensions", "unittest", "urllib.request"),
        *("uuid", "xml", "zipfile", "zoneinfo"),
    }
)

# Packages of our own that do the work: help needs none of them.
WORKING = frozenset(
    {"client", "config", "http", "library", "local", "providers", "gateway", "recordings", "wire"}
)

PROBE = """
import json, sys
before = set(sys.modules)
sys.argv = ["audiocli", *json.loads(sys.argv[1])]
{imports}
if len(sys.argv) > 1:
    from audiocli.cli import main
    main()
sys.stdout.flush()
new = [name for name, module in sys.modules.items() if module is not None and name not in before]
print(json.dumps(new), file=sys.stderr)
"""


def imported(imports: str, *arguments: str) -> set[str]:
    """The packages of others, the slow modules, and the working packages of our own that come with it."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE.format(imports=imports), json.dumps(arguments)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        env=environment(PYTHONPATH="."),
    )
    names = set(json.loads(result.stderr.splitlines()[-1]))
    foreign = {name.partition(".")[0] for name in names} - {*sys.stdlib_module_names, "audiocli"}
    ours = {f"audiocli.{part}" for part in WORKING if f"audiocli.{part}" in names}
    return foreign | (names & HEAVY) | ours


TYPER = {"typer", "annotated_doc", "shellingham", "difflib", "subprocess", "uuid"}
TABLE = {*TYPER, "audiocli.config", "audiocli.library"}


@pytest.mark.parametrize("imports", ["import audiocli", "import audiocli.cli", "import audiocli.cli.world"])
def test_nothing_comes_with_the_package(imports: str) -> None:
    assert imported(imports) == set()


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--version"], set()),
        (["--help"], TYPER),
        (["ask", "--help"], TYPER),
        (["transcribe", "--help"], TYPER),
        (["caps", "--help"], TYPER),
        (["serve", "--help"], TYPER),
        (["aks"], TYPER),
        (["ask", "--nosuch"], TYPER),
        (["caps", "gpt-audio"], TABLE),
    ],
)
def test_a_command_imports_no_more_than_is_listed(arguments: list[str], allowed: set[str]) -> None:
    assert imported("", *arguments) - allowed == set()


def test_a_question_imports_nothing_that_records_renders_or_serves() -> None:
    """It may need HTTP; what it does not have is audio to read, a terminal, or a gateway."""
    asked = imported("", "ask", "hi", "-m", "gpt-audio", "--dry-run")
    assert "httpx" in asked, "the probe sees what is imported"
    assert not asked & {"numpy", "soundfile", "soxr", "rich", "yaml", "pydantic", "starlette", "aiohttp"}
