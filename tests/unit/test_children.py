"""Other programs get no key, and the current folder has no say in what is run."""

import ast
import os
import re
from pathlib import Path

import pytest

from audiocli import children

PACKAGE = Path(children.__file__).parent
SECRETS = {"OPENAI_API_KEY": "sk-1", "MY_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "s", "LD_PRELOAD": "x.so"}
BASE = {
    "PATH": "/usr/bin",
    "HOME": "/home/a",
    "LANG": "C.UTF-8",
    "TMPDIR": "/t",
    "XDG_CACHE_HOME": "/c",
}
NETWORK = {
    "PIP_INDEX_URL": "https://u:p@x/simple",
    "https_proxy": "http://p:1",
    "SSL_CERT_FILE": "/a.pem",
    "NETRC": "/n",
}
PYTHONS = {"PYTHONPATH": ".", "PYTHONHOME": "/p", "PYTHONSTARTUP": "s.py"}


def test_a_child_gets_what_is_listed_and_no_key() -> None:
    assert children.environment({**BASE, **NETWORK, **SECRETS, **PYTHONS}) == BASE


def test_only_a_child_that_uses_the_network_gets_what_that_needs() -> None:
    given = children.environment({**BASE, **NETWORK, **SECRETS, **PYTHONS}, network=True)
    assert given == {**BASE, **NETWORK}


@pytest.mark.parametrize("path", ["", ".", "bin:/usr/bin", ":/usr/bin", "/usr/bin:", "/usr/bin::."])
def test_entries_of_the_path_that_depend_on_the_current_folder_are_left_out(path: str) -> None:
    assert children.environment({"PATH": path})["PATH"] in {"", "/usr/bin"}


def test_without_a_path_there_is_the_systems() -> None:
    assert children.environment({})["PATH"] == os.defpath.lstrip(":")


def test_relative_paths_keep_what_they_mean_or_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = {
        "SSL_CERT_FILE": "ca.pem",
        "XDG_CONFIG_HOME": "./c",
        "XDG_DATA_DIRS": "/a:./b",
        "XDG_SEAT": "seat0",
    }
    given = children.environment(relative, network=True)
    assert given == {"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "XDG_SEAT": "seat0", "PATH": given["PATH"]}


@pytest.mark.parametrize("path", ["", ".", "bin", ".:", ":"])
def test_a_program_in_the_current_folder_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for folder in (tmp_path, tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        (folder / "planted").write_text("#!/bin/sh\n")
        (folder / "planted").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    assert children.find("planted") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert children.find("planted") == str(tmp_path / "planted")


def test_a_child_runs_in_an_empty_folder_that_is_gone_afterwards(tmp_path: Path) -> None:
    script = "import os; print(os.getcwd(), os.listdir())"
    with open(tmp_path / "said", "w+b") as said:
        code = children.run(
            (*children.PYTHON, "-c", script), stdout=said, stderr=children.DEVNULL, timeout=20
        )
    folder, listed = (tmp_path / "said").read_text().split()
    assert (code, listed) == (0, "[]")
    assert not os.path.exists(folder)


def test_a_child_that_takes_too_long_is_killed() -> None:
    command = (*children.PYTHON, "-c", "import time; time.sleep(60)")
    with pytest.raises(TimeoutError, match=r"took more than 0\.2 s"):
        children.run(command, stdout=children.DEVNULL, stderr=children.DEVNULL, timeout=0.2)


def test_python_imports_nothing_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    process = children.start(
        (*children.PYTHON, "-c", "import json"),
        str(tmp_path),
        stdin=children.DEVNULL,
        stdout=children.DEVNULL,
        stderr=children.DEVNULL,
    )
    assert process.wait() == 0


STARTERS = re.compile(
    r"(.*\.)?(subprocess|multiprocessing|pty|ProcessPoolExecutor|create_subprocess_\w+|subprocess_(exec|shell))"
    r"(\..*)?|os\.(system|popen|fork|forkpty|exec\w+|posix_spawnp?|spawn\w+)|shutil\.which|sys\.executable"
)
"""What starts a process, or finds a program, by its name in the standard library."""

ALLOWED = {"children.py": STARTERS, "gateway/server/workers.py": re.compile(r"os\.fork")}
"""A worker of the gateway is a fork, which runs no other program."""


def _names(source: str) -> set[str]:
    """Everything that is imported or used, with the module that it is in."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    return imported | parts | used


def _starters(source: str) -> set[str]:
    return {name for name in _names(source) if STARTERS.fullmatch(name)}


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE))
)
def test_children_are_started_in_one_place(file: Path) -> None:
    allowed = ALLOWED.get(str(file.relative_to(PACKAGE)), re.compile("asyncio.subprocess.*"))
    found = {name for name in _starters(file.read_text()) if not allowed.fullmatch(name)}
    assert not found, f"start it through audiocli.children: {sorted(found)}"


@pytest.mark.parametrize(
    "source",
    [
        *(
            "import subprocess",
            "from subprocess import run",
            "import multiprocessing.pool",
            "os.execv('a', [])",
        ),
        *(
            "from os import system",
            "import asyncio\nasyncio.create_subprocess_exec()",
            "loop.subprocess_exec()",
        ),
        *(
            "from shutil import which",
            "sys.executable",
            "import pty",
            "from concurrent import futures as f\nf.ProcessPoolExecutor()",
        ),
    ],
)
def test_what_starts_processes_is_noticed(source: str) -> None:
    assert _starters(source)
