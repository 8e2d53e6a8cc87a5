"""What the documents say of the program is so, and they leave nothing out."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import audiocli as audiocli_package
from audiocli.errors import AudiocliError
from audiocli.providers.hosts import HOSTS
from tests.command import audiocli
from tests.documents import DOCUMENTS, ROOT, document, found, rows, section

COMMANDS = {command: document(f"docs/{command}.md") for command in ("ask", "transcribe", "caps", "serve")}
OPTION = r"(?<![\w-])--[a-z][a-z-]+"


def offered(command: str) -> set[str]:
    return set(found(OPTION, audiocli(command, "--help").stdout.decode())) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str) -> None:
    assert offered(command) - set(found(OPTION, COMMANDS[command])) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_in_a_table_is_offered(command: str) -> None:
    documented = set(found(OPTION, "\n".join(cells[0] for cells in rows(COMMANDS[command]))))
    assert documented - offered(command) == set()


def test_every_command_is_documented() -> None:
    listed = audiocli("--help").stdout.decode().partition("Commands:\n")[2].partition("\n\n")[0]
    assert set(found(r"^  (\w+) ", listed)) == set(COMMANDS)


def test_the_exit_codes_are_those_of_the_help_and_of_the_errors() -> None:
    documented = {
        int(code)
        for cells in rows(section("docs/errors.md", "## Exit codes"))
        for code in cells[0].split(",")
    }
    text = " ".join(audiocli("--help").stdout.decode().split()).partition("Exit codes: ")[2]
    assert {int(code) for code in found(r"(?:^|, )(\d+) ", text)} == documented
    assert exit_codes(AudiocliError) <= documented


def exit_codes(error: type[AudiocliError]) -> set[int]:
    below = [exit_codes(each) for each in error.__subclasses__()]
    return {error.exit_code}.union(*below)


def test_make_help_lists_what_the_documents_name() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    named = [name for text in map(document, DOCUMENTS) for name in re.findall(r"`make ([\w-]+)", text)]
    assert "check" in named
    assert set(named) <= set(found(r"^make ([\w-]+) ", listed))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files_that_exist(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("extra", ["core", "serve", "local"])
def test_each_dependency_has_its_reason(extra: str) -> None:
    project = tomllib.loads(document("pyproject.toml"))["project"]
    wanted = project["dependencies"] if extra == "core" else project["optional-dependencies"][extra]
    heading = "## Core" if extra == "core" else f"## Extra: {extra}"
    table = rows(section("docs/decisions/dependencies.md", heading))
    assert {cells[0] for cells in table} == {found(r"^[\w-]+", each)[0] for each in wanted}


def test_each_page_has_its_place_on_the_site() -> None:
    nav = tomllib.loads(document("zensical.toml"))["project"]["nav"]
    listed = [page.partition("docs/")[2] for page in DOCUMENTS if page.startswith("docs/")]
    assert sorted(pages_in(nav)) == sorted(listed)


def pages_in(nav: Any) -> list[str]:
    match nav:
        case str():
            return [nav]
        case dict():
            return pages_in(list(nav.values()))
    return [page for each in nav for page in pages_in(each)]


@pytest.mark.skipif(find_spec("zensical") is None, reason="Zensical is not installed: make docs installs it")
@pytest.mark.parametrize(("link", "code"), [("serve.md", 0), ("nowhere.md", 1), ("serve.md#nowhere", 1)])
def test_a_site_with_a_broken_link_is_not_built(tmp_path: Path, link: str, code: int) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    (tmp_path / "docs/index.md").write_text(f"# Links\n\n[one]({link})\n")
    build = [sys.executable, "-m", "zensical", "build", "--strict"]
    assert subprocess.run(build, cwd=tmp_path, capture_output=True, timeout=60).returncode == code


def test_each_exception_has_its_exit_code() -> None:
    tables = rows(section("docs/errors.md", "## Exceptions"))
    documented = {
        name: int(cells[0])
        for cells in tables
        if cells[0].isdigit()
        for name in re.findall(r"`(\w+)`", cells[1])
    }
    assert documented == {
        error.__name__: error.exit_code for error in public_errors() if error.exit_code != 1
    }


def test_each_exception_is_documented() -> None:
    named = set(found(r"`(\w+)`", section("docs/errors.md", "## Exceptions")))
    errors = set(public_errors())
    assert {name for name in audiocli_package.__all__ if getattr(audiocli_package, name) in errors} <= named


def public_errors() -> list[type[AudiocliError]]:
    public = [getattr(audiocli_package, name) for name in audiocli_package.__all__]
    return [each for each in public if isinstance(each, type) and issubclass(each, AudiocliError)]


def test_each_public_name_of_the_library_is_documented() -> None:
    named = found(r"`(\w+)`", document("docs/library.md") + document("docs/errors.md"))
    assert set(audiocli_package.__all__) - {"__version__"} - set(named) == set()


def test_each_provider_has_its_key_and_its_models() -> None:
    table = {cells[0].strip("`/"): cells[1:] for cells in rows(document("docs/providers.md"))}
    hosts = {name: (f"`{host.key_variable}`", host.models) for name, host in HOSTS.items()}
    documented = {name: (table[name][0], tuple(re.findall(r"`([^`]+)`", table[name][1]))) for name in hosts}
    assert documented == hosts


def test_each_variable_of_the_environment_is_documented() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "audiocli").rglob("*.py"))
    read = set(found(r'"((?:AUDIOCLI|OPENAI|AZURE)_[A-Z_]+)"', sources)) - {"OPENAI_KEY_VARIABLE"}
    documented = document("docs/configuration.md") + document("docs/providers.md")
    assert read - set(found(r"`([A-Z_]+)`", documented)) == set()
