"""The program as its users start it: a process with arguments, an environment, and three streams."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = "sk-test-0123456789abcdefghijklmnop"
TIMEOUT_SECONDS = 60

_HOME = tempfile.TemporaryDirectory(prefix="audiocli-home-")


def environment(**variables: str) -> dict[str, str]:
    """Nothing of this machine's settings but what a process needs to start; then `variables`."""
    kept = ("PATH", "LANG", "TMPDIR", "SYSTEMROOT", "SSL_CERT_FILE", "PIP_FIND_LINKS", "PIP_CERT")
    measured = ("COVERAGE_PROCESS_CONFIG",)  # set where the tests' coverage is measured
    inherited = {name: os.environ[name] for name in (*kept, *measured) if name in os.environ}
    return {**inherited, "HOME": _HOME.name, "XDG_CACHE_HOME": cache_home(), **variables}


def cache_home() -> str:
    """Where the embedded model's weights are kept between test runs: where the user's own are."""
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")


def audiocli(
    *arguments: str,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[bytes]:
    """Run `audiocli` to its end. Without `stdin` it gets an empty one."""
    return subprocess.run(
        [sys.executable, "-m", "audiocli", *arguments],
        input=stdin or b"",
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        env=environment() if env is None else dict(env),
        cwd=cwd,
        **options,
    )


def error_line(result: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr that tells what went wrong; asserts that it is one, and tidy."""
    text = result.stderr.decode()
    lines = text.splitlines()
    assert lines, "nothing on stderr"
    assert lines[-1].startswith("audiocli: "), text
    assert len(lines[-1]) <= 1000
    assert "Traceback" not in text
    assert all(character.isprintable() for character in lines[-1]), repr(lines[-1])
    return lines[-1]
