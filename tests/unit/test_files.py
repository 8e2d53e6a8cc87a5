"""Files that appear whole or not at all."""

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audiocli.errors import OutputError
from audiocli.files import AtomicFile, TakenError, identity, is_special, open_special, sweep, write_all


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def written(path: Path, data: bytes = b"new", *, clobber: bool = True) -> None:
    file = AtomicFile(str(path), clobber=clobber)
    file.write(data)
    file.commit()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    file = AtomicFile(str(tmp_path / "a"))
    file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    file.commit()
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_what_is_written_is_in_the_file_at_once(tmp_path: Path) -> None:
    file = AtomicFile(str(tmp_path / "a"))
    file.write(b"new")
    (hidden,) = tmp_path.iterdir()
    assert hidden.read_bytes() == b"new"
    file.discard()
    assert names(tmp_path) == []


def test_what_a_killed_process_has_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    program = "import os, sys; from audiocli.files import *; AtomicFile(sys.argv[1]); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a")], check=False)
    (left,) = names(tmp_path)
    living = AtomicFile(str(tmp_path / "b"))
    (tmp_path / ".audiocli-mine.tmp").write_bytes(b"")
    (tmp_path / ".audiocli-0123456789abcdef.tmp").symlink_to("nowhere")
    sweep(str(tmp_path))
    assert left not in names(tmp_path)
    assert len(names(tmp_path)) == 3
    living.write(b"whole")
    living.commit()
    assert (tmp_path / "b").read_bytes() == b"whole"


def test_what_is_begun_while_others_sweep_is_written(tmp_path: Path) -> None:
    ended = threading.Event()

    def sweep_on() -> None:
        while not ended.is_set():
            sweep(str(tmp_path))

    sweepers = [threading.Thread(target=sweep_on) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(200):
            written(tmp_path / str(number))
    finally:
        ended.set()
        for sweeper in sweepers:
            sweeper.join()
    assert len(names(tmp_path)) == 200


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_file_has_the_permissions_that_the_umask_leaves(mask: int, mode: int, tmp_path: Path) -> None:
    with umask(mask):
        written(tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_what_is_replaced_keeps_its_permissions_from_the_first_byte(mode: int, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "a").chmod(mode)
    file = AtomicFile(str(tmp_path / "a"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {mode}
    file.commit()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def linked(folder: Path) -> Path:
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real/file")
    return folder / "link"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_written(there: bool, tmp_path: Path) -> None:
    link = linked(tmp_path)
    if there:
        (tmp_path / "real/file").write_bytes(b"old")
    written(link)
    assert link.is_symlink()
    assert (tmp_path / "real/file").read_bytes() == b"new"
    assert names(tmp_path / "real") == ["file"]


def test_what_is_kept_is_where_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    linked(tmp_path)
    for path, kept in [("b", "a.part"), ("real/b", "real/a.part"), ("link", str(tmp_path / "real/a-2.part"))]:
        file = AtomicFile(path)
        file.write(path.encode())
        assert file.keep("a", ".part") == kept
        assert Path(kept).read_bytes() == path.encode()


def test_what_is_kept_replaces_nothing(tmp_path: Path) -> None:
    for kept in ("a.partial.wav", "a.partial-2.wav", "a.partial-3.wav"):
        assert AtomicFile(str(tmp_path / "a")).keep("a.partial", ".wav") == str(tmp_path / kept)


def test_what_cannot_be_kept_under_a_name_stays(tmp_path: Path) -> None:
    file = AtomicFile(str(tmp_path / "a"))
    file.write(b"paid for")
    assert Path(file.keep("x" * 300, ".wav")).read_bytes() == b"paid for"


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _file(path: Path) -> Path:
    path.touch()
    return path


def _circle(path: Path) -> Path:
    path.symlink_to(path)
    return path


def _socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (_folder, "it is a folder"),
    "a folder that is not there": (lambda path: f"{path}/", "it is a folder"),
    "no folder": (lambda path: path / "a.wav", "no such folder"),
    "a file in place of a folder": (lambda path: _file(path) / "a.wav", "is not a folder"),
    "a file with a slash": (lambda path: f"{_file(path)}/", "it is a folder"),
    "links in a circle": (_circle, "lead in a circle"),
    "a long name": (lambda path: path.with_name("x" * 256), "name is too long"),
    "no name": (lambda path: "", "not a file's name"),
    "a name with NUL": (lambda path: f"{path}\0", "not a file's name"),
    "a socket": (_socket, "not a regular file"),
    "a place of the kernel's": (lambda path: "/proc/self/a.wav", "no such folder|may not write|read-only"),
}


@pytest.mark.parametrize("target", UNUSABLE)
def test_what_cannot_be_written_is_refused_at_once(target: str, tmp_path: Path) -> None:
    make, reason = UNUSABLE[target]
    path = str(make(tmp_path / "x"))
    before = names(tmp_path)
    with pytest.raises(OutputError, match=reason):
        AtomicFile(path)
    assert names(tmp_path) == before


def test_no_clobber_refuses_what_is_there_and_what_appears_meanwhile(tmp_path: Path) -> None:
    early, late = tmp_path / "early", tmp_path / "late"
    early.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        AtomicFile(str(early), clobber=False)
    file = AtomicFile(str(late), clobber=False)
    late.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        file.commit()
    file.discard()
    assert (early.read_bytes(), late.read_bytes()) == (b"old", b"old")
    written(tmp_path / "free", clobber=False)
    assert names(tmp_path) == ["early", "free", "late"]


def test_only_the_file_that_was_seen_is_replaced_and_only_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"ours")
    path.chmod(0o640)
    file = AtomicFile(str(path), clobber=False, only=identity(str(path)))
    file.write(b"newer")
    file.commit()
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"newer", 0o640)

    late = AtomicFile(str(path), clobber=False, only=identity(str(path)))
    path.write_bytes(b"yours")
    with pytest.raises(TakenError, match="exists already"):
        late.commit()
    late.discard()
    with pytest.raises(TakenError, match="exists already"):
        AtomicFile(str(path), clobber=False, only=(0, 0, 0, 0))
    assert path.read_bytes() == b"yours"
    assert names(tmp_path) == ["a"]


def test_a_file_that_was_seen_and_is_gone_leaves_its_name_to_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"ours")
    file = AtomicFile(str(path), clobber=False, only=identity(str(path)))
    path.unlink()
    file.write(b"new")
    file.commit()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("there", [True, False])
def test_without_clobber_no_link_is_followed(there: bool, tmp_path: Path) -> None:
    link = linked(tmp_path)
    if there:
        (tmp_path / "real/file").write_bytes(b"yours")
    with pytest.raises(TakenError, match="exists already"):
        AtomicFile(str(link), clobber=False)
    file = AtomicFile(str(link), clobber=False, only=identity(str(link)))
    file.write(b"new")
    file.commit()
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"
    assert [path.read_bytes() for path in (tmp_path / "real").iterdir()] == ([b"yours"] if there else [])


def test_the_first_file_in_a_folder_sweeps_it(tmp_path: Path) -> None:
    left = tmp_path / ".audiocli-0123456789abcdef.tmp"
    left.write_bytes(b"of a killed process")
    AtomicFile(str(tmp_path / "a")).discard()
    assert names(tmp_path) == []


def test_of_six_writers_one_wins_whole(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(6)]
    threads = [threading.Thread(target=written, args=(tmp_path / "a", data)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in contents
    assert names(tmp_path) == ["a"]


def test_a_pipe_without_a_reader_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert is_special(str(tmp_path / "fifo"))
    with pytest.raises(OutputError, match="nobody reads"):
        open_special(str(tmp_path / "fifo"))


def test_a_terminal_is_no_place_for_sound() -> None:
    ours, theirs = os.openpty()
    try:
        with pytest.raises(OutputError, match="terminal"):
            open_special(os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("path", "special"), [("/dev/null", True), ("/", False), ("/nowhere", False), ("\0", False)]
)
def test_devices_are_written_to_and_not_replaced(path: str, special: bool) -> None:
    assert is_special(path) is special


def test_a_pipe_that_does_not_wait_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    received: list[bytes] = []

    def read() -> None:
        with open(reader, "rb") as file:
            received.append(file.read())

    thread = threading.Thread(target=read)
    with open(writer, "wb", buffering=0) as pipe:
        thread.start()
        write_all(pipe, b"x" * 1_000_000)
    thread.join()
    assert len(received[0]) == 1_000_000
