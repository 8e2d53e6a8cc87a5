"""The manual pages say what the help says, and the wheel carries them."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.manual import pages
from tests.command import audiocli
from tests.documents import ROOT, found

PAGES = pages()
COMMANDS = {name: name.removesuffix(".1").split("-")[1:] for name in PAGES}


def helped(name: str) -> str:
    return audiocli(*COMMANDS[name], "--help").stdout.decode()


def words(name: str) -> str:
    """The words of a page, without its markup."""
    plain = re.sub(r"^\.(TP|nf|fi|B|SH)\b ?", "", PAGES[name], flags=re.M)
    return re.sub(r"\\\[u([0-9A-F]{4})\]", lambda code: chr(int(code[1], 16)), unescaped(plain))


def unescaped(text: str) -> str:
    return text.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


def test_each_command_has_a_page() -> None:
    listed = audiocli("--help").stdout.decode().partition("Commands:\n")[2].partition("\n\n")[0]
    assert set(found(r"^  (\w+) ", listed)) == {command for [command] in filter(None, COMMANDS.values())}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_options_of_the_help_and_no_others(name: str) -> None:
    option = r"(?<![\w-])--?[a-z][a-z-]*"
    entries = unescaped("\n".join(found(r"^\.TP\n\.B ([^\n]+)$", PAGES[name])))
    helps = helped(name).partition("Options:\n")[2].partition("\n\n")[0]
    assert set(found(option, entries)) == set(found(option, "\n".join(found(r"^  (-.+?)(?:  |$)", helps))))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_each_word_of_the_help(name: str) -> None:
    headings = {"Usage:", "Exit", "codes:"}
    joined = re.sub(r"(?<=\w)-\n\s+", "-", helped(name))  # A line ends within a word.
    shown = {word for line in joined.splitlines() if not line.endswith(":") for word in line.split()}
    cut_off = {word for word in shown if re.fullmatch(r"\w+\.\.\.", word)}
    assert shown - headings - cut_off - set(words(name).split()) == set()


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_no_fault_in_a_page(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PAGES[name])
    lint = subprocess.run(["mandoc", "-T", "lint", tmp_path / name], capture_output=True, text=True)
    assert (lint.returncode, lint.stdout) == (0, "")


def test_the_wheel_carries_the_pages(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if "/share/man/man1/" in name}
    assert names == set(PAGES)
