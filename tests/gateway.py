"""The gateway as a process, in front of servers that a test scripts."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from tests.command import environment
from tests.servers import Exchange

UPSTREAM_KEY = "sk-upstream-0123456789abcdefghij"
CHAT = "/v1/chat/completions"
MODEL = "gpt-4o-audio-preview"

USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": USAGE,
}


@dataclass
class Gateway:
    url: str
    process: "subprocess.Popen[bytes]"
    log: Path  # what it says on stderr: a line of JSON for each request

    def ask(self, model: str = "voice", *, path: str = CHAT, **members: Any) -> httpx.Response:
        """Post a chat, by a client that knows no retries."""
        document = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **members}
        return self.post(path, json=document)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return httpx.post(self.url + path, timeout=30, **content)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, headers=headers)

    def entries(self, count: int = 1) -> list[dict[str, Any]]:
        """The lines of the log, once there are `count` of them."""
        deadline = time.monotonic() + 10
        while len(lines := self._lines()) < count:
            assert time.monotonic() < deadline, f"the log has only {lines}"
            time.sleep(0.02)
        return [json.loads(line) for line in lines]

    def _lines(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith("{")]

    @property
    def entry(self) -> dict[str, Any]:
        """The only line of the log."""
        (entry,) = self.entries()
        return entry

    def wait_for_note(self, text: str) -> str:
        """The line on stderr that has `text` in it, once it is there."""
        deadline = time.monotonic() + 20
        while True:
            lines = [line for line in self.log.read_text().splitlines() if text in line]
            if lines:
                return lines[-1]
            assert time.monotonic() < deadline, f"nothing says {text!r}: {self.log.read_text()}"
            time.sleep(0.05)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    @property
    def megabytes(self) -> float:
        """The memory that it has now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def deployment(url: str, name: str = "voice", **params: Any) -> dict[str, Any]:
    """A row of model_list: `name` is served at `url`."""
    own = {"model": f"openai/{MODEL}", "api_base": url, "api_key": UPSTREAM_KEY}
    return {"model_name": name, "litellm_params": {**own, **params}}


def write(config: Path, *deployments: dict[str, Any], **sections: Any) -> None:
    """Put a config into place at once, as an editor or an operator would."""
    written = config.with_suffix(".written")
    written.write_text(json.dumps({"model_list": deployments, **sections}))
    written.rename(config)


@contextmanager
def gateway(
    folder: Path,
    *deployments: dict[str, Any],
    options: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
    **sections: Any,
) -> Iterator[Gateway]:
    """A gateway with these deployments, and the further `sections` of its config."""
    config = folder / "gateway.yaml"
    write(config, *deployments, **sections)
    with serving(folder, "--config", str(config), *options, **variables) as started:
        yield started


@contextmanager
def serving(folder: Path, *arguments: str, **variables: str) -> Iterator[Gateway]:
    """`audiocli serve` with these arguments, and what it says on stderr in a file in `folder`."""
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "audiocli", "serve", "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment(PYTHONPATH=os.environ.get("PYTHONPATH", ""), **variables),
        )
    with process:
        assert process.stdout is not None
        started = process.stdout.readline()
        assert started, log.read_text()
        try:
            yield Gateway(json.loads(started)["url"], process, log)
        finally:
            process.terminate()
    assert "internal error" not in log.read_text()


# Scripts for the servers behind it


def answer(exchange: Exchange, document: Any = COMPLETION, status: str = "200 OK", **headers: str) -> None:
    """Answer with JSON, and end the connection."""
    exchange.reply(json.dumps(document).encode(), status=status, Connection="close", **headers)


def refuse(exchange: Exchange, status: str, message: str = "no", **headers: str) -> None:
    """Answer with an error, as OpenAI tells it."""
    body = {"error": {"message": message, "type": "some_type", "param": "messages", "code": "some_code"}}
    answer(exchange, body, status, **headers)


def chunk(delta: dict[str, Any], **members: Any) -> bytes:
    """An event of a streamed answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return event({**document, "choices": [choice], **members})


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def chunked(exchange: Exchange) -> bytes:
    """A chunked body, read to its end; for servers that leave bodies to their scripts."""
    raw = bytearray(exchange.body)
    while not raw.endswith(b"0\r\n\r\n"):
        piece = exchange.connection.recv(1 << 20)
        if not piece:
            raise ConnectionError("the request was cut off")
        raw += piece
    body, rest = bytearray(), bytes(raw)
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return bytes(body)


def hold(exchange: Exchange) -> None:
    """Say nothing until the client leaves."""
    exchange.hold()
