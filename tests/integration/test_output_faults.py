"""Whatever happens to the disk, the name or the process: the file is the old one, none, or a whole one."""

import io
import os
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

from audiocli.audio.containers.wav import read_wav, wav_header
from tests.command import audiocli, environment, error_line
from tests.heard import SPEECH, says
from tests.servers import Exchange, Server, serve
from tests.spoken import DELTA, END, WORDS, names, sound, stream, words

DELTAS = 5
CLIP = wav_header(DELTAS * len(DELTA)) + DELTAS * DELTA
OLD = b"what was there before"
SAID = f"{WORDS}\n".encode()

speak = stream(*[DELTA] * DELTAS)


def command(server: Server, output: str, *more: str) -> list[str]:
    return ["ask", "Is it?", "-o", output, "--base-url", server.url, *more]


@contextmanager
def started(
    server: Server, output: Path, *more: str, before: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "audiocli", *command(server, str(output), *more)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def assert_whole(path: Path, old: bytes | None, new: bytes = CLIP) -> None:
    """C1: the old file, nothing, or one complete WAV."""
    found = path.read_bytes() if path.exists() else None
    assert found in (old, new)


def assert_playable(path: Path, samples: bytes) -> None:
    data = path.read_bytes()
    wav = read_wav(io.BytesIO(data), len(data))
    assert not wav.streamed
    assert not wav.truncated
    assert data[wav.data_offset :] == samples
    assert int.from_bytes(data[4:8], "little") + 8 == len(data)


class Stalling:
    """Sends so many deltas of sound, and then nothing more."""

    def __init__(self, deltas: int) -> None:
        self._deltas = deltas
        self.over = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        exchange.stream(words(), *[sound()] * self._deltas)
        self.over.wait(30)


@contextmanager
def stalled(deltas: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program, once so many deltas of an answer into `dog.wav` are on disk."""
    script = Stalling(deltas)
    size = 44 + deltas * len(DELTA) if deltas else 0
    with serve(script) as server:
        with started(server, folder / "dog.wav") as process:
            until(
                lambda: (
                    bool(server.exchanges)
                    and any(p.stat().st_size == size for p in folder.glob(".audiocli-*"))
                )
            )
            yield process
        script.over.set()


@pytest.mark.parametrize("deltas", [0, 1, 2, 3])
def test_a_kill_between_two_deltas_leaves_the_old_file(deltas: int, tmp_path: Path) -> None:
    (tmp_path / "dog.wav").write_bytes(OLD)
    with stalled(deltas, tmp_path) as process:
        process.kill()
        process.wait()
    assert (tmp_path / "dog.wav").read_bytes() == OLD


@pytest.mark.parametrize("command_after", ["ask", "transcribe"])
def test_the_next_command_removes_what_a_killed_one_has_left(command_after: str, tmp_path: Path) -> None:
    with stalled(1, tmp_path) as process:
        process.kill()
        process.wait()
        assert [name for name in names(tmp_path) if name.startswith(".audiocli-")]
    if command_after == "ask":
        with serve(speak) as server:
            audiocli(*command(server, str(tmp_path / "next.wav")))
    else:
        with serve(says()) as server:
            audiocli(
                *("transcribe", str(SPEECH), "-o", str(tmp_path / "next.txt"), "--base-url", server.url),
                *("-m", "whisper-1"),
                env=environment(XDG_STATE_HOME=str(tmp_path / "state")),
            )
    left = [name for name in names(tmp_path) if name.startswith(".")]
    assert left == []


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_whole_one(tmp_path: Path) -> None:
    chance = random.Random(20)  # noqa: S311 - the same every time

    def slowly(exchange: Exchange) -> None:
        exchange.stream(words())
        for _ in range(DELTAS):
            exchange.send(sound())
            time.sleep(0.01)
        exchange.send(END)

    def kill_once(number: int, delay: float, server: Server) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        if number % 2:
            (folder / "dog.wav").write_bytes(OLD)
        with started(server, folder / "dog.wav") as process:
            until(lambda: bool(list(folder.glob(".audiocli-*"))) or process.poll() is not None)
            time.sleep(delay)
        assert_whole(folder / "dog.wav", OLD if number % 2 else None)

    with serve(slowly) as server, ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(kill_once, number, chance.uniform(0, 0.2), server) for number in range(30)]
        for run in runs:
            run.result()


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_it_within_a_second_and_keeps_what_came(name: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "dog.wav").write_bytes(OLD)
    with stalled(2, tmp_path) as process:
        sent = time.monotonic()
        process.send_signal(getattr(signal, name))
        stdout, stderr = process.communicate(timeout=10)
        assert time.monotonic() - sent < 1
    assert process.returncode == code
    assert stdout == SAID
    assert stderr.decode().count("\n") == 1
    assert "dog.partial.wav" in stderr.decode()
    assert names(tmp_path) == ["dog.partial.wav", "dog.wav"]
    assert (tmp_path / "dog.wav").read_bytes() == OLD
    assert_playable(tmp_path / "dog.partial.wav", 2 * DELTA)


def test_a_signal_before_the_first_sound_leaves_nothing(tmp_path: Path) -> None:
    with stalled(0, tmp_path) as process:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 143
    assert names(tmp_path) == []


def test_a_request_to_end_leaves_no_hidden_file_however_early_it_comes(tmp_path: Path) -> None:
    def end_once(number: int, server: Server) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        with started(server, folder / "dog.wav") as process:
            until(lambda: bool(names(folder)) or process.poll() is not None)
            time.sleep(number / 2000)
            process.terminate()
            process.communicate(timeout=10)
        assert not list(folder.glob(".audiocli-*"))
        assert_whole(folder / "dog.wav", None)

    with serve(speak) as server:
        for number in range(10):
            end_once(number, server)


# The system fails


def _strace_works() -> bool:
    program = shutil.which("strace")
    if not program:
        return False
    trial = [program, "-f", "--seccomp-bpf", "-o", os.devnull, "--inject=fsync:error=EIO", "true"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


needs_strace = pytest.mark.skipif(not _strace_works(), reason="strace is not there, or may not trace")


def traced(call: str, injected: str, number: int, *options: str) -> tuple[str, ...]:
    """Does `injected` to the so-manieth `call` of each thread."""
    rule = f"--inject={call}:{injected}:when={number}"
    return ("strace", "-f", "-qq", "-o", os.devnull, f"--trace={call}", rule, *options)


@needs_strace
@pytest.mark.parametrize("name", ["dog.wav", "dog.flac"])
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_kill_at_the_last_steps_leaves_the_old_file_or_the_whole_one(
    call: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(OLD)
    before = traced(call, "signal=KILL", 1)
    with serve(speak) as server, started(server, tmp_path / name, before=before) as process:
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    found = (tmp_path / name).read_bytes()
    if call == "fsync" or found == OLD:
        assert found == OLD
    else:  # The signal may come when the call has been made.
        assert soundfile.read(io.BytesIO(found), dtype="int16")[0].tobytes() == DELTAS * DELTA


@needs_strace
def test_the_file_is_on_disk_before_it_has_its_name_and_then_the_folder_is(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    before = ("strace", "-f", "-qq", "-y", "-o", str(trace), "--trace=fsync,rename,renameat,renameat2")
    folder = tmp_path / "there"
    folder.mkdir()
    with serve(speak) as server, started(server, folder / "dog.wav", before=before) as process:
        process.communicate(timeout=30)
    assert process.returncode == 0
    calls = [line for line in trace.read_text().splitlines() if str(folder) in line]
    assert [re.split(r"\W+", call)[1] for call in calls] == ["fsync", "rename", "fsync"]
    assert f"<{folder}/.audiocli-" in calls[0]
    assert f"<{folder}>" in calls[2]


@needs_strace
@pytest.mark.parametrize(
    ("call", "error"), [("fsync", "EIO"), ("rename", "EXDEV"), ("rename", "EROFS"), ("rename", "ENOSPC")]
)
@pytest.mark.parametrize("name", ["dog.wav", "dog.mp3"])
def test_a_failure_at_the_end_keeps_the_old_file_and_the_sound(
    call: str, error: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(OLD)
    before = traced(call, f"error={error}", 1, "--seccomp-bpf")
    with serve(speak) as server, started(server, tmp_path / name, before=before) as process:
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (8, SAID)
    assert error_line(subprocess.CompletedProcess([], 8, stdout, stderr)).count("dog.partial.wav") == 1
    assert names(tmp_path) == sorted([name, "dog.partial.wav"])
    assert (tmp_path / name).read_bytes() == OLD
    assert_playable(tmp_path / "dog.partial.wav", DELTAS * DELTA)


@needs_strace
def test_permissions_that_cannot_be_kept_are_found_out_before_the_request(tmp_path: Path) -> None:
    (tmp_path / "dog.wav").write_bytes(OLD)
    before = traced("chmod", "error=EPERM", 1, "--seccomp-bpf")
    with serve(speak) as server:
        with started(server, tmp_path / "dog.wav", before=before) as process:
            process.communicate(timeout=30)
        assert (process.returncode, server.exchanges) == (8, [])
    assert names(tmp_path) == ["dog.wav"]


@needs_strace
def test_a_full_disk_at_any_write_is_said_and_never_hidden(tmp_path: Path) -> None:
    def fill(number: int, server: Server) -> int:
        folder = tmp_path / str(number)
        folder.mkdir()
        before = traced("write", "error=ENOSPC", number, "--seccomp-bpf")
        with started(server, folder / "dog.wav", before=before) as process:
            stderr = process.communicate(timeout=30)[1].decode()
        assert process.returncode in (0, 8), stderr
        assert "Traceback" not in stderr
        assert not list(folder.glob(".audiocli-*"))
        assert_whole(folder / "dog.wav", None)
        if process.returncode == 0:
            assert (folder / "dog.wav").exists()
        return process.returncode

    with serve(speak) as server, ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(lambda number: fill(number, server), range(1, 11)))
    assert 8 in codes


def test_a_file_that_may_not_grow_ends_in_one_line_and_the_words(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    with serve(speak) as server:
        result = audiocli(*command(server, "dog.wav"), cwd=tmp_path, preexec_fn=limit)
    assert (result.returncode, result.stdout) == (8, SAID)
    assert "larger than is allowed" in error_line(result)
    assert names(tmp_path) == ["dog.partial.wav"]
    assert_playable(tmp_path / "dog.partial.wav", (DELTAS * DELTA)[: 10_000 - 44])


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a tmpfs can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("name", ["dog.wav", "dog.flac", "dog.mp3"])
def test_a_disk_that_is_full_ends_in_one_line_and_the_words(name: str, tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(40_000)  # noqa: S311 - the same every time
    with small_disk(tmp_path, "24k" if name == "dog.wav" else "44k") as folder:
        with serve(stream(noise)) as server:
            result = audiocli(*command(server, str(folder / name)))
        kept = folder / "dog.partial.wav"
        assert (result.returncode, result.stdout) == (8, SAID)
        assert "the disk is full" in error_line(result)
        assert names(folder) == ["dog.partial.wav"]
        assert_playable(kept, noise[: kept.stat().st_size - 44])


# Odd targets


def _with_fifo(folder: Path) -> str:
    os.mkfifo(folder / "a.wav")
    return "a.wav"


def _with_circle(folder: Path) -> str:
    (folder / "a.wav").symlink_to("a.wav")
    return "a.wav"


def _with_folder(folder: Path) -> str:
    (folder / "a.wav").mkdir()
    return "a.wav"


def _with_file(folder: Path) -> str:
    (folder / "a").touch()
    return "a/b.wav"


UNUSABLE: dict[str, tuple[int, Callable[[Path], str]]] = {
    "a folder": (8, _with_folder),
    "no such folder": (8, lambda folder: "nowhere/a.wav"),
    "a file for a folder": (8, _with_file),
    "no name": (2, lambda folder: ""),
    "a long name": (8, lambda folder: "x" * 252 + ".wav"),
    "no extension": (2, lambda folder: "dog"),
    "links in a circle": (8, _with_circle),
    "a pipe without a reader": (8, _with_fifo),
    "sysfs": (8, lambda folder: "/sys/kernel/a.wav"),
    "proc": (8, lambda folder: "/proc/a.wav"),
    "control characters": (8, lambda folder: "nowhere/\x1b[31m\n\u202ea.wav"),
}


@pytest.mark.parametrize("target", UNUSABLE)
def test_what_cannot_be_written_costs_nothing(target: str, tmp_path: Path) -> None:
    code, make = UNUSABLE[target]
    output = make(tmp_path)
    before = names(tmp_path)
    with serve(speak) as server:
        result = audiocli(*command(server, output), cwd=tmp_path)
        assert server.exchanges == []
    assert (result.returncode, result.stdout) == (code, b"")
    assert result.stderr.count(b"\n") == 1
    error_line(result)
    assert names(tmp_path) == before


def test_a_folder_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    def leave() -> None:
        (tmp_path / "gone").rmdir()

    (tmp_path / "gone").mkdir()
    with serve(speak) as server:
        environ = environment(PYTHONPATH=str(Path(__file__).parents[2]))
        result = audiocli(*command(server, "dog.wav"), cwd=tmp_path / "gone", env=environ, preexec_fn=leave)
        assert server.exchanges == []
    assert result.returncode == 8
    error_line(result)


def without_privileges() -> tuple[str, ...]:
    """What makes root obey permissions; nobody else needs it."""
    if os.geteuid() != 0:
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root may write anywhere, and there is no setpriv")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, None), (0o555, 0o644), (0o755, 0o444)])
def test_what_one_may_not_write_costs_nothing(
    folder_mode: int, file_mode: int | None, tmp_path: Path
) -> None:
    if file_mode is not None:
        (tmp_path / "dog.wav").write_bytes(OLD)
        (tmp_path / "dog.wav").chmod(file_mode)
    before = names(tmp_path)
    tmp_path.chmod(folder_mode)
    with serve(speak) as server:
        with started(server, tmp_path / "dog.wav", before=without_privileges()) as process:
            stderr = process.communicate(timeout=30)[1].decode()
        assert server.exchanges == []
    tmp_path.chmod(0o755)
    assert process.returncode == 8
    assert "you may not write there" in stderr
    assert names(tmp_path) == before


def test_devices_and_pipes_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    fifo = tmp_path / "a.wav"
    os.mkfifo(fifo)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    with serve(speak) as server:
        to_fifo = audiocli(*command(server, str(fifo)))
        to_null = audiocli(*command(server, "/dev/null", "--format", "wav"))
        to_full = audiocli(*command(server, "/dev/full", "--format", "wav"))
    reader.join()
    assert received == [wav_header(None) + DELTAS * DELTA]
    assert [result.returncode for result in (to_fifo, to_null, to_full)] == [0, 0, 8]
    assert to_full.stdout == SAID
    assert "the disk is full" in error_line(to_full)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_question_can_be_replaced_by_its_answer(tmp_path: Path) -> None:
    question = wav_header(len(DELTA)) + DELTA
    (tmp_path / "x.wav").write_bytes(question)
    with serve(speak) as server:
        result = audiocli(*command(server, "x.wav", "-a", "x.wav"), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "x.wav").read_bytes() == CLIP


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(there: bool, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "dog.wav").symlink_to("far/real.wav")
    if there:
        (tmp_path / "far/real.wav").write_bytes(OLD)
    with serve(speak) as server:
        assert audiocli(*command(server, "dog.wav"), cwd=tmp_path).returncode == 0
    assert (tmp_path / "dog.wav").is_symlink()
    assert (tmp_path / "far/real.wav").read_bytes() == CLIP
    assert names(tmp_path / "far") == ["real.wav"]


def test_no_clobber_refuses_before_the_request_and_spares_what_appears_during_it(tmp_path: Path) -> None:
    late = tmp_path / "late.wav"

    def interfere(exchange: Exchange) -> None:
        late.write_bytes(OLD)
        speak(exchange)

    (tmp_path / "early.wav").write_bytes(OLD)
    with serve(interfere) as server:
        early = audiocli(*command(server, "early.wav", "--no-clobber"), cwd=tmp_path)
        assert server.exchanges == []
        result = audiocli(*command(server, "late.wav", "--no-clobber"), cwd=tmp_path)
    assert (early.returncode, result.returncode, result.stdout) == (8, 8, SAID)
    assert "exists already" in error_line(early)
    assert "late.partial.wav" in error_line(result)
    assert late.read_bytes() == OLD
    assert_playable(tmp_path / "late.partial.wav", DELTAS * DELTA)


def test_of_six_programs_that_write_one_file_one_wins_whole(tmp_path: Path) -> None:
    with serve(speak) as server, ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(audiocli, *command(server, "dog.wav"), cwd=tmp_path) for _ in range(6)]
        assert [run.result().returncode for run in runs] == [0] * 6
    assert names(tmp_path) == ["dog.wav"]
    assert (tmp_path / "dog.wav").read_bytes() == CLIP


@pytest.mark.parametrize("mode", [None, 0o600])
def test_permissions_are_what_the_umask_leaves_or_what_they_were(mode: int | None, tmp_path: Path) -> None:
    if mode is not None:
        (tmp_path / "dog.wav").touch()
        (tmp_path / "dog.wav").chmod(mode)
    with serve(speak) as server:
        assert audiocli(*command(server, "dog.wav"), cwd=tmp_path, umask=0o027).returncode == 0
    assert stat.S_IMODE((tmp_path / "dog.wav").stat().st_mode) == (mode or 0o640)
