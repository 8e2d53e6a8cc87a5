"""What the README tells people to type works, and what it says of the program is so."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import audiocli, environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place to try things in, with the samples, and with an `aplay` that listens to the end."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "samples", folder / "samples")
    player = folder / "bin" / "aplay"
    player.parent.mkdir()
    player.write_text("#!/bin/sh\nexec cat >played.wav\n")
    player.chmod(0o755)
    return folder


@pytest.mark.usefixtures("embedded_model")
@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith(("audiocli", "cat", "echo"))])
def test_a_line_of_the_readme_works(folder: Path, line: str) -> None:
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=environment(PATH=path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout or "aplay" in line or list(folder.glob("subs/*.vtt"))


@pytest.mark.usefixtures("embedded_model")
def test_the_demo_speaks() -> None:
    result = subprocess.run(
        ["make", "demo"], cwd=ROOT, capture_output=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 0, result.stderr.decode()
    assert b"dog.wav" in result.stderr
    assert len(result.stdout.split()) > 5


def test_make_help_lists_what_the_readme_names() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for command in set(re.findall(r"`make (\w+)", README)):
        assert f"make {command} " in listed


def test_every_option_is_in_the_table_and_in_the_help() -> None:
    text = audiocli("ask", "--help").stdout.decode()
    offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help", "--no-stream"}
    documented = set(re.findall(r"--[a-z][a-z-]+", README))
    assert offered - documented == set()


def test_the_exit_codes_are_those_of_the_help() -> None:
    text = " ".join(audiocli("--help").stdout.decode().split())
    table = README.partition("### Exit codes")[2].partition("## ")[0]
    for code in re.findall(r"^\| (\d+)", table, re.M):
        assert re.search(rf"\b{code} ", text), code
