"""`audiocli transcribe` with the recogniser that runs on this machine, through the command line."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from audiocli.local.listen import processors
from tests.command import audiocli, environment

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"

pytestmark = pytest.mark.usefixtures("embedded_model")


def here(folder: Path) -> dict[str, str]:
    return environment(XDG_STATE_HOME=str(folder / "state"))


def test_without_a_key_the_embedded_recogniser_hears(tmp_path: Path) -> None:
    result = audiocli("transcribe", str(SAMPLES / "question.wav"), env=here(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "golden retriever" in result.stdout.decode().lower()
    assert b"embedded recogniser" in result.stderr
    assert b"OPENAI_API_KEY" in result.stderr


def test_it_gives_the_time_of_each_word(tmp_path: Path) -> None:
    result = audiocli(
        *("transcribe", str(SAMPLES / "hello.wav"), "-m", "local", "--words", "-f", "json"),
        env=here(tmp_path),
    )
    words = [word for segment in json.loads(result.stdout)["segments"] for word in segment["words"]]
    assert len(words) >= 5
    assert all(0 <= word["start"] <= word["end"] <= 2.1 for word in words)
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)


def test_what_is_piped_through_two_commands_is_answered(tmp_path: Path) -> None:
    heard = audiocli(
        "transcribe", "-", "-m", "local", "-q", stdin=(SAMPLES / "hello.wav").read_bytes(), env=here(tmp_path)
    )
    answered = audiocli("ask", "-m", "local", "-q", "--text-only", "--max-tokens", "8", stdin=heard.stdout)
    assert (heard.returncode, answered.returncode) == (0, 0), answered.stderr
    assert answered.stdout.strip()


def test_a_folder_is_subtitled_and_resumed(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES, tmp_path / "talks")
    arguments = ("transcribe", "-r", str(tmp_path / "talks"), "-m", "local", "-f", "srt", "-o")
    subtitles = str(tmp_path / "subs")
    first = audiocli(*arguments, subtitles, env=here(tmp_path))
    again = audiocli(*arguments, subtitles, "--resume", env=here(tmp_path))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert sorted(path.name for path in Path(subtitles).iterdir()) == ["hello.srt", "question.srt"]
    assert b"2 done" in first.stderr
    assert b"2 skipped" in again.stderr


def test_the_sample_gives_a_folder_subtitles(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        [str(SAMPLES / "transcribe.sh"), str(SAMPLES), str(tmp_path / "subs")],
        env={**here(tmp_path), "PATH": path},
        capture_output=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "subs" / "hello.srt").read_text().startswith("1\n00:00:0")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")
def test_of_many_recordings_no_more_are_heard_at_once_than_there_are_processors(tmp_path: Path) -> None:
    speech = (SAMPLES / "hello.wav").read_bytes()
    for number in range(8):
        (tmp_path / f"{number}.wav").write_bytes(speech[: len(speech) - 3200 * number])
    most = 0
    with subprocess.Popen(
        [sys.executable, "-m", "audiocli", "transcribe", "-r", str(tmp_path), "-m", "local", "-j", "8", "-q"],
        env=here(tmp_path),
    ) as process:
        while process.poll() is None:
            most = max(most, children(process.pid))
            time.sleep(0.02)
    assert process.returncode == 0
    assert len(list(tmp_path.glob("*.txt"))) == 8
    assert 1 <= most <= processors()


def children(pid: int) -> int:
    """How many processes a process has started that have not ended."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    with suppress(OSError):  # A thread, or all of it, has just ended.
        return sum(len(each.read_text().split()) for each in lists)
    return 0
