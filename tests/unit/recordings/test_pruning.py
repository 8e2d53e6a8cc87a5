"""What is remembered is forgotten again."""

import os
import stat
import time
from pathlib import Path

from audiocli.recordings.remembering.pruning import BETWEEN_SECONDS, KEPT_SECONDS, prune


def put(path: Path, size: int = 10, *, age: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != "pruned")


def test_what_is_old_goes_and_all_else_stays(tmp_path: Path) -> None:
    put(tmp_path / "transcripts" / "ab" / "old", age=KEPT_SECONDS + 1)
    put(tmp_path / "transcripts" / "ab" / "new", age=KEPT_SECONDS - 100)
    put(tmp_path / "pieces" / "older", age=2 * KEPT_SECONDS)
    put(tmp_path / "journal", age=2 * KEPT_SECONDS)
    prune(str(tmp_path), "transcripts", "pieces", "missing")
    assert left(tmp_path) == ["journal", "new"]
    assert stat.S_IMODE((tmp_path / "pruned").stat().st_mode) == 0o600


def test_of_too_much_the_latest_stay(tmp_path: Path) -> None:
    for age in range(5):
        put(tmp_path / "pieces" / str(age), 10, age=age)
    prune(str(tmp_path), "pieces", most_bytes=35)
    assert left(tmp_path) == ["0", "1", "2"]


def test_it_is_done_once_a_day(tmp_path: Path) -> None:
    prune(str(tmp_path), "pieces")
    put(tmp_path / "pieces" / "old", age=2 * KEPT_SECONDS)
    prune(str(tmp_path), "pieces")
    assert left(tmp_path) == ["old"]
    put(tmp_path / "pruned", age=BETWEEN_SECONDS + 1)
    prune(str(tmp_path), "pieces")
    assert left(tmp_path) == []
