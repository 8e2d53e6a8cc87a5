"""Other programs: where they are found, and what they get. Every child is started here.

A child gets no key: of the environment only what is listed here, and what a network needs only if it is to
use one. It runs in a folder of its own. Neither a program nor a module of the current folder is ever run:
somebody else may have made that folder.

Workers of the gateway are not children in this sense. They are forks of it that run no other program, and
have its keys, since they ask the services that want them (`proxy.workers`).
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

DEVNULL = subprocess.DEVNULL
PIPE = subprocess.PIPE

PYTHON = (os.path.abspath(sys.executable), "-P")
"""This interpreter, which does not import what is in its current folder."""

Stream = int | IO[Any]
"""A file, a descriptor, `PIPE` or `DEVNULL`."""

_FOR_ALL = frozenset({"PATH", "HOME", "TMPDIR", "LANG"})
_FOR_ALL_PREFIX = "XDG_"
_FOR_NETWORK = frozenset(
    {
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("NETRC", "DBUS_SESSION_BUS_ADDRESS"),  # keyring finds pip's passwords through the latter
    }
)
_FOR_NETWORK_PREFIX = "PIP_"

# A child has another current folder than the user who wrote these.
_PATHS = frozenset(
    {
        *("HOME", "TMPDIR", "NETRC", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_LOG"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    }
)


def find(program: str) -> str | None:
    """Where `program` is. Only the absolute entries of PATH count."""
    import shutil  # 5 ms of start-up

    return shutil.which(program, path=_search_path(os.environ))


def environment(
    inherited: Mapping[str, str], *, network: bool = False, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What a child gets of the environment, and `more`. With `network`, what pip needs is among it."""
    found = {name: value for name, value in inherited.items() if _is_given(name, value, network)}
    placed = {name: os.path.abspath(value) if name in _PATHS else value for name, value in found.items()}
    return {**placed, "PATH": _search_path(inherited), **(more or {})}


def run(
    command: Sequence[str], *, stdin: Stream = DEVNULL, stdout: Stream, stderr: Stream, timeout: float
) -> int:
    """The exit status of a program. It runs in an empty folder, which is removed afterwards.

    Raises `TimeoutError`, once it is killed, after `timeout` seconds, and `OSError` if it cannot be started.
    """
    from tempfile import TemporaryDirectory  # 5 ms of start-up

    with TemporaryDirectory(prefix="audiocli-", ignore_cleanup_errors=True) as folder:
        process = start(command, folder, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired as exc:
            raise TimeoutError(f"{command[0]} took more than {timeout:g} s") from exc
        finally:
            process.kill()
            process.wait()


def start(
    command: Sequence[str], folder: str, *, stdin: Stream, stdout: Stream, stderr: Stream
) -> "subprocess.Popen[bytes]":
    """A program that runs in `folder`, and goes on until it ends or is killed."""
    return subprocess.Popen(
        command, cwd=folder, env=environment(os.environ), stdin=stdin, stdout=stdout, stderr=stderr
    )


async def start_beside(
    command: Sequence[str],
    folder: str,
    *,
    stdout: Stream,
    stderr: Stream,
    network: bool = False,
    more: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """The same for the event loop; stdin is empty. `network` and `more` are those of `environment`."""
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment(os.environ, network=network, more=more),
        stdin=DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )


def _is_given(name: str, value: str, network: bool) -> bool:
    if name.startswith(_FOR_ALL_PREFIX):
        return _holds_only_absolute(value)
    return name in _FOR_ALL or (network and (name in _FOR_NETWORK or name.startswith(_FOR_NETWORK_PREFIX)))


def _holds_only_absolute(value: str) -> bool:
    """Relative paths are ignored, as the XDG specification has it. Some are lists; a seat is not a path."""
    return "/" not in value or all(os.path.isabs(entry) for entry in value.split(os.pathsep))


def _search_path(inherited: Mapping[str, str]) -> str:
    entries = inherited.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(filter(os.path.isabs, entries))
