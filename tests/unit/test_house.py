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
        ("providers", "capabilities"),
    ),
    "matches models' names by an expression": (
        r"re\.\w+\(.*(?:gpt|whisper|gemini|claude|voxtral|tts)",
        ("capabilities",),
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
