"""A release is checked before it is described, and the locked versions are ones that the project allows."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from audiocli import __version__
from scripts.release import faults_of_source, faults_of_wheel, notes_of
from tests.documents import ROOT, document, found

LOCK = document("requirements.lock")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    return folder


def test_what_is_built_has_no_faults(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert [*faults_of_wheel(wheel), *faults_of_source(source)] == []


@pytest.mark.parametrize("part", ["audiocli/py.typed", "audiocli/catalog/data/models.json", "LICENSE"])
def test_a_wheel_without_a_part_is_refused(built: Path, tmp_path: Path, part: str) -> None:
    (whole,) = built.glob("*.whl")
    lacking = without(whole, tmp_path / whole.name, part)
    assert any(part in fault for fault in faults_of_wheel(lacking))


def test_a_wheel_without_manual_pages_is_refused(built: Path, tmp_path: Path) -> None:
    (whole,) = built.glob("*.whl")
    lacking = without(whole, tmp_path / whole.name, ".1")
    assert faults_of_wheel(lacking) == [f"{whole.name} lacks manual pages"]


def test_a_wheel_with_something_of_the_tests_is_refused(built: Path, tmp_path: Path) -> None:
    (whole,) = built.glob("*.whl")
    shutil.copy(whole, tmp_path)
    with zipfile.ZipFile(tmp_path / whole.name, "a") as archive:
        archive.writestr("tests/servers.py", "")
    assert faults_of_wheel(tmp_path / whole.name) == [f"{whole.name} should not have tests/servers.py"]


def without(wheel: Path, copy: Path, ending: str) -> Path:
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(copy, "w") as lacking:
        for name in whole.namelist():
            if not name.endswith(ending):
                lacking.writestr(name, whole.read(name))
    return copy


def test_a_version_has_its_notes_alone() -> None:
    changelog = "# Changelog\n\n## 1.1.0\n\n- One.\n\n## 1.0.0, May\n\n- Two.\n"
    assert notes_of("1.1.0", changelog) == "## 1.1.0\n\n- One."
    assert notes_of("1.0.0", changelog) == "## 1.0.0, May\n\n- Two."


@pytest.mark.parametrize(
    "changelog", ["# Changelog\n", "## 1.0.0\n\n## 0.9.0\n\n- One.\n", "## 1.0.01\n\n- One.\n"]
)
def test_a_version_without_notes_is_not_released(changelog: str) -> None:
    with pytest.raises(SystemExit, match=r"no entries for 1\.0\.0"):
        notes_of("1.0.0", changelog)


def test_the_changelog_has_notes_of_this_version() -> None:
    assert notes_of(__version__, document("CHANGELOG.md"))


def test_the_lock_has_an_allowed_version_of_each_dependency() -> None:
    pins = {name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", LOCK, re.M)}
    wanted = [each for each in dependencies() if each.name != "audiocli"]
    assert [
        str(each)
        for each in wanted
        if not (pin := pins.get(each.name.lower())) or not each.specifier.contains(pin, prereleases=True)
    ] == [], "run make lock"


def dependencies() -> list[Requirement]:
    project = tomllib.loads(document("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].values()
    return [
        Requirement(each)
        for each in (*project["dependencies"], *(each for extra in extras for each in extra))
    ]


def test_each_locked_version_has_hashes_and_no_address() -> None:
    locked = found(r"^([\w.-]+==[^\n]*)\n    --hash=sha256:", LOCK)
    assert len(locked) == len(found(r"^[\w.-]+==", LOCK))
    assert "://" not in LOCK
