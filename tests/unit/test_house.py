"""Rules of the house that an import linter cannot see."""

import re
from pathlib import Path

import pytest

import audiocli

HOUSE = Path(audiocli.__file__).parent

RULES = {
    "asks whether a target is at a server": (
        r"\btarget\.(?:endpoint|server|base_url) (?:is|and|or|else|if)\b"
        r"|\b(?:if|not|and|or|while) [\w.]*target\.(?:endpoint|server|base_url)(?![\w.])",
        ("providers",),
    ),
    "compares a provider's name": (
        r"\.provider\b *(?:==|!=|in|not in) *[\"'A-Z({]|target\.provider\b *(?:==|!=|in |not in )",
        ("providers", "catalog"),
    ),
    "matches models' names by an expression": (
        r"re\.\w+\(.*(?:gpt|whisper|gemini|claude|voxtral|tts)",
        ("catalog",),
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_nobody_outside(rule: str) -> None:
    expression, rooms = RULES[rule]
    modules = [path for path in HOUSE.rglob("*.py") if path.relative_to(HOUSE).parts[0] not in rooms]
    assert len(modules) > 100
    found = [
        f"{path.relative_to(HOUSE)}:{number}"
        for path in modules
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(expression, line)
    ]
    assert found == []


ROOMS = sorted({path.parent for path in HOUSE.rglob("*.py")})


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.relative_to(HOUSE.parent).as_posix())
def test_no_room_is_crowded(room: Path) -> None:
    modules = [path.stem for path in room.glob("*.py") if not path.stem.startswith("__")]
    assert len(modules) <= 15


IMPORTS_BY_NAME = re.compile(r"\b(?:import_module|__import__|run_module)\(|\bsys\.modules\[")
DOORS = {"__init__.py", "cli/app.py"}
"""The library's table of public names, and the command line's table of commands."""


def test_only_the_doors_import_modules_by_name() -> None:
    """What a string names, no import linter sees."""
    found = {
        path.relative_to(HOUSE).as_posix()
        for path in HOUSE.rglob("*.py")
        if IMPORTS_BY_NAME.search(path.read_text())
    }
    assert found == DOORS
