"""OpenAI's clients in the versions that people have, each in a folder of its own, which is kept."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import environment

PROGRAMS = Path(__file__).parent / "clients"
INSTALLED = Path(__file__).parents[2] / ".venv" / "sdks"
INSTALL_SECONDS = 120


@dataclass(frozen=True)
class Sdk:
    """How a program that uses one version of a client is started."""

    version: str
    command: tuple[str, ...]
    variables: Mapping[str, str]

    def run(self, *arguments: str) -> bytes:
        """Run the program to its end; what it says on stdout."""
        result = subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            timeout=120,
            check=False,
            env=environment(**self.variables),
        )
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout


def python_sdk(version: str) -> Sdk:
    """openai-python. It sees nothing of what is installed for the tests themselves."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]
    folder = _installed(f"openai-python-{version}", pip, f"openai=={version}")
    command = (sys.executable, "-S", str(PROGRAMS / "openai_client.py"))
    return Sdk(version, command, {"PYTHONPATH": str(folder)})


def node_sdk(version: str) -> Sdk:
    """openai-node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js is not installed")
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]
    folder = _installed(f"openai-node-{version}", install, f"openai@{version}")
    command = (node, str(PROGRAMS / "openai_client.cjs"))
    return Sdk(version, command, {"NODE_PATH": str(folder / "node_modules")})


def _installed(name: str, install: list[str], package: str) -> Path:
    """The folder with `package`, which appears under its name only when all of it is there."""
    folder = INSTALLED / name
    if folder.is_dir():
        return folder
    growing = INSTALLED / f"{name}.{os.getpid()}"
    growing.mkdir(parents=True)
    try:
        subprocess.run(
            [*install, str(growing), package],
            check=True,
            capture_output=True,
            timeout=INSTALL_SECONDS,
        )
        growing.rename(folder)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"{package} could not be installed: {error}")
    finally:
        shutil.rmtree(growing, ignore_errors=True)
    return folder
