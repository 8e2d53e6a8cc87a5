"""What the documents give people to type works, and their picture shows what is printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.picture import PICTURE, drawn
from tests.command import environment
from tests.documents import ROOT, blocks, document, found

PAGES = ("README.md", "docs/ask.md", "docs/transcribe.md", "docs/caps.md")
COMMANDS = list(
    dict.fromkeys(
        line for page in PAGES for block in blocks(document(page), "sh") for line in block.splitlines()
    )
)
TRIED_BY_ITSELF = ["make demo", "make test"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place to try things in, with the samples, and with an `aplay` that listens to the end."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "samples", folder / "samples")
    player = folder / "bin" / "aplay"
    player.parent.mkdir()
    player.write_text("#!/bin/sh\nexec cat >played.wav\n")
    player.chmod(0o755)
    return folder


@pytest.fixture
def folder(samples: Path, tmp_path: Path) -> Path:
    """The same for one line alone."""
    return Path(shutil.copytree(samples, tmp_path / "readme"))


@pytest.mark.usefixtures("embedded_model")
@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in TRIED_BY_ITSELF])
def test_a_line_of_the_documents_works(folder: Path, line: str) -> None:
    before = files(folder)
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
    assert result.stdout or files(folder) - before


def files(folder: Path) -> set[Path]:
    """Those with something in them."""
    return {path for path in folder.rglob("*") if path.is_file() and path.stat().st_size}


@pytest.mark.usefixtures("embedded_model")
def test_the_demo_speaks() -> None:
    result = subprocess.run(
        ["make", "demo"], cwd=ROOT, capture_output=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 0, result.stderr.decode()
    assert b"it is small" in result.stderr
    assert b"hear it:" in result.stderr
    assert b".venv/bin/audiocli ask --audio samples/question.wav" in result.stderr
    assert len(result.stdout.split()) > 5


@pytest.mark.usefixtures("embedded_model")
def test_the_picture_of_a_terminal_shows_what_is_printed() -> None:
    assert words(PICTURE.read_text()) == words(drawn()), "run make picture"


def words(picture: str) -> list[str]:
    """In the order in which they are drawn; how they are drawn depends on Rich."""
    return [re.sub(r"&#160;", " ", text) for text in found(r"<text [^>]*>(.*?)</text>", picture)]
