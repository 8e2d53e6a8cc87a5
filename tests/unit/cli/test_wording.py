"""The library names arguments, the command line its options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import audiocli
from audiocli.cli.wording import in_options
from audiocli.errors import UsageError
from tests.command import audiocli as run
from tests.command import error_line
from tests.heard import tone

PACKAGE = Path(audiocli.__file__).parent
OTHERS = {"audio/ffmpeg.py", "local/speak.py", "local/weights.py"}
"""Where options of other programs are written."""


def library() -> Iterator[Path]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if inside.parts[0] != "cli" and str(inside) not in OTHERS:
            yield path


def texts(path: Path) -> Iterator[str]:
    """The strings of a module, its docstrings apart."""
    tree = ast.parse(path.read_text())
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


def test_no_text_of_the_library_names_an_option() -> None:
    found = [(str(path), text) for path in library() for text in texts(path) if re.search(r"--[a-z]", text)]
    assert found == []


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        ("start 0:05 is not before end 0:02", ("start", "end"), "--start 0:05 is not before --end 0:02"),
        ("'start' ends before start 3", ("start",), "'start' ends before --start 3"),
        ("'it\\'s start' ends before start 3", ("start",), "'it\\'s start' ends before --start 3"),
        ("restart, start-up", ("start",), "restart, start-up"),
        ("base_url is empty", ("base_url",), "--base-url is empty"),
        ("start is before the beginning", (), "start is before the beginning"),
    ],
)
def test_arguments_are_named_as_options(message: str, arguments: tuple[str, ...], said: str) -> None:
    error = in_options(UsageError(message, hint=message).about(*arguments))
    assert (error.message, error.hint) == (said, said)
    assert in_options(error).message == said


def test_a_recording_that_ends_too_early_is_told_with_the_option(tmp_path: Path) -> None:
    tone(tmp_path / "start.wav", 1)
    result = run("transcribe", "start.wav", "--start", "9", "-m", "local", cwd=tmp_path)
    assert result.returncode == 2
    assert "start.wav" in error_line(result)
    assert "before --start 0:00:09; choose an earlier --start" in error_line(result)


def test_a_format_that_contradicts_a_name_is_told_with_the_option(tmp_path: Path) -> None:
    result = run("ask", "hi", "-o", "format.wav", "--format", "mp3", cwd=tmp_path)
    assert "--format mp3 contradicts the name 'format.wav'" in error_line(result)
