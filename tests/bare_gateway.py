"""The gateway's process, without the gateway: what it hands to an application, the answer tells.

`python -m tests.bare_gateway CONFIG WORKERS GRACE` is that process. Its first line on stdout says where it
listens, every other what has been asked of it; its notes are on stderr.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import environment

MODEL = {"model_name": "voice", "litellm_params": {"model": "openai/m", "api_base": "http://127.0.0.1:1/v1"}}


@dataclass
class BareGateway:
    url: str
    process: "subprocess.Popen[bytes]"
    config: Path
    asked: Path
    notes: Path

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def connect(self, seconds: float = 10.0) -> socket.socket:
        return socket.create_connection(self.address, timeout=seconds)

    def say(self, data: bytes, seconds: float = 10.0) -> bytes:
        """Send `data` on a connection of its own; what comes back until the gateway closes it."""
        with self.connect(seconds) as connection, suppress(ConnectionError):
            connection.sendall(data)
            return listen(connection)
        return b""

    def ask(self, path: str = "/", *, closing: bool = True) -> dict[str, Any]:
        """What the application was handed for a GET."""
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\n{'Connection: close' if closing else 'X: y'}\r\n\r\n"
        answer = json.loads(self.say(head.encode()).partition(b"\r\n\r\n")[2])
        assert isinstance(answer, dict)
        return answer

    def paths(self) -> list[str]:
        """What the application has been asked for, in order."""
        return self.asked.read_text().splitlines()[1:]

    def configure(self, **sections: Any) -> None:
        """Put another config in the place of the present one."""
        write_config(self.config, **sections)

    def eventually_notes(self, text: str) -> None:
        eventually(lambda: text in self.notes.read_text(), f"no note says {text!r}")


def listen(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    received = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


def eventually(happens: Any, otherwise: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def write_config(path: Path, **sections: Any) -> None:
    """In one step, as editors do."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"model_list": [MODEL], **sections}))
    beside.replace(path)


@contextmanager
def bare_gateway(
    folder: Path, *, workers: int = 1, grace: float = 10.0, **sections: Any
) -> Iterator[BareGateway]:
    config, asked, notes = folder / "config.yaml", folder / "asked", folder / "notes"
    write_config(config, **sections)
    with asked.open("wb") as stdout, notes.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bare_gateway", str(config), str(workers), str(grace)],
            stdout=stdout,
            stderr=stderr,
            env=environment(PYTHONPATH=os.environ.get("PYTHONPATH", "")),
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )
    try:
        eventually(
            lambda: process.poll() is not None or b"\n" in asked.read_bytes(), "it does not listen", 30
        )
        assert process.poll() is None, notes.read_text()
        yield BareGateway(asked.read_text().splitlines()[0], process, config, asked, notes)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def main() -> None:
    from audiocli.gateway.config.settings import load_settings
    from audiocli.gateway.incoming import Receive, Scope, Send
    from audiocli.gateway.replies import send_json
    from audiocli.gateway.server.runner import Serving, serve
    from audiocli.gateway.state import State

    def build(state: State) -> Any:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"]
            print(path, flush=True)  # noqa: T201 - what has been asked
            size = 0
            if path == "/fail":
                raise ValueError("the application has failed")
            if path == "/wait":
                await asyncio.sleep(float(scope["query_string"]))
            if path == "/flood":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                for _ in range(2000):  # Once the client has gone, nothing waits any more.
                    await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            while path != "/early":
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    break
            told = {"path": path, "method": scope["method"], "size": size, "process": os.getpid()}
            document = {**told, "timeout": state.settings.timeout}
            close = [(b"connection", b"close")] if path == "/early" else []
            await send_json(send, 200, json.dumps(document).encode(), close)

        return application

    config, workers, grace = sys.argv[1:]
    serve(
        Serving(
            load=lambda: load_settings(Path(config), os.environ),
            ready=lambda url: print(url, flush=True),  # noqa: T201 - for the process that waits for it
            write=lambda line: None,
            note=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 - its notes
            port=0,
            workers=int(workers),
            grace=float(grace),
            build=build,
        )
    )


if __name__ == "__main__":
    main()
