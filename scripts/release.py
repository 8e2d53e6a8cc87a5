"""Builds a release into dist/, checks it, and prints its notes from CHANGELOG.md. Uploads nothing."""

import email
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from email.message import Message
from pathlib import Path

from audiocli import __version__

ROOT = Path(__file__).parents[1]
PAGES = "share/man/man1/"


def main() -> int:
    folder = ROOT / "dist" / __version__
    notes = notes_of(__version__, (ROOT / "CHANGELOG.md").read_text())
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True)
    (wheel,), (source,) = folder.glob(f"*-{__version__}-*.whl"), folder.glob(f"*-{__version__}.tar.gz")
    faults = [*faults_of_wheel(wheel), *faults_of_source(source), *faults_installed(wheel)]
    for fault in faults:
        sys.stderr.write(f"release: {fault}\n")
    if not faults:
        sys.stdout.write(f"{wheel.name}\n{source.name}\n\n{notes}\n")
    return bool(faults)


def notes_of(version: str, changelog: str) -> str:
    """The changelog's section for `version`. Raises `SystemExit` if there is none, or an empty one."""
    section = re.search(rf"^## {re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    if section is None or not section[1].strip():
        raise SystemExit(f"release: CHANGELOG.md has no entries for {version}")
    return section[0].strip()


def faults_of_wheel(wheel: Path) -> list[str]:
    """What the wheel lacks or should not have."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        described = email.message_from_bytes(archive.read(metadata))
    lacking = missing(names, ["audiocli/py.typed", "audiocli/catalog/data/models.json", "licenses/LICENSE"])
    if sum(PAGES in name for name in names) < 2:
        lacking.append("manual pages")
    foreign = [name for name in names if not name.startswith(("audiocli/", f"audiocli-{__version__}."))]
    return [
        *(f"{wheel.name} lacks {name}" for name in lacking),
        *(f"{wheel.name} should not have {name}" for name in foreign),
        *(f"{wheel.name}: {fault}" for fault in faults_of_metadata(described)),
    ]


def faults_of_metadata(described: Message) -> list[str]:
    """What an index would refuse, or could not show."""
    needed = ("Name", "Version", "Summary", "License-Expression", "Requires-Python")
    faults = [f"no {field}" for field in needed if not described[field]]
    if described["Version"] != __version__:
        faults.append(f"version {described['Version']}, not {__version__}")
    if described["Description-Content-Type"] != "text/markdown" or not described.get_payload():
        faults.append("no description in Markdown")
    return faults


def faults_of_source(source: Path) -> list[str]:
    """What the source archive lacks of what is needed to build and test."""
    with tarfile.open(source) as archive:
        names = archive.getnames()
    wanted = [
        "pyproject.toml",
        "LICENSE",
        "Makefile",
        "audiocli/__init__.py",
        "scripts/manual.py",
        "tests/servers.py",
    ]
    return [f"{source.name} lacks {name}" for name in missing(names, wanted)]


def missing(names: list[str], wanted: list[str]) -> list[str]:
    return [each for each in wanted if not any(name.endswith(f"/{each}") or name == each for name in names)]


def faults_installed(wheel: Path) -> list[str]:
    """What goes wrong with the wheel in a fresh environment, with its own dependencies and no others."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, cwd=folder)
        tries = {
            ("--version",): f"audiocli {__version__}\n",
            ("ask", "hello", "-m", "echo", "--text-only", "--no-stdin"): "hello\n",
        }
        return [
            f"audiocli {' '.join(arguments)}: exit code {said.returncode}, {said.stdout!r} {said.stderr!r}"
            for arguments, expected in tries.items()
            if (said := installed(Path(folder), *arguments)).stdout != expected
        ]


def installed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = folder / "bin" / "audiocli"
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
