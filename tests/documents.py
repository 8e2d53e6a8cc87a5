"""The project's documents, read so that what is looked for and not found fails the test that looks."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
)


def document(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, heading: str) -> str:
    """The text under `heading` ("## Ask"), up to the next heading of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    text, parts = document(name), rf"^(?:{re.escape(heading)})\n(.*?)(?=^#{{1,{level}}} |\Z)"
    (found,) = re.findall(parts, _without_headings_in_code(text), re.M | re.S) or [""]
    assert found.strip(), f"{name} has no section {heading!r}"
    return str(found)


def _without_headings_in_code(text: str) -> str:
    """A comment in a block of code begins as a heading does."""
    return re.sub(
        r"^```.*?^```", lambda block: re.sub(r"^#", " #", block[0], flags=re.M), text, flags=re.M | re.S
    )


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in this language; at least one."""
    return found(rf"^```{language}\n(.*?)^```", text)


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in `text`, without their heads; at least one row."""
    tables = found(r"^\|[^\n]*\|\n\|[-| ]+\|\n((?:\|[^\n]*\|\n)+)", text)
    lines = [line for table in tables for line in table.splitlines()]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def found(pattern: str, text: str) -> list[str]:
    """What the pattern's group matches in `text`; at least one."""
    matches = re.findall(pattern, text, re.M | re.S)
    assert matches, f"nothing matches {pattern!r}"
    return matches
