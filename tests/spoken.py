"""Answers with sound, as a service sends them, for the servers in `tests.servers`."""

import base64
import json
import math
from array import array
from collections.abc import Callable
from pathlib import Path

from tests.servers import Exchange

WORDS = "Yes, it is."
DELTA = array("h", (int(9000 * math.sin(n * 440 * math.tau / 24_000)) for n in range(2400))).tobytes()
"""A tenth of a second of tone."""


def event(**delta: object) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None}]
    return b"data: " + json.dumps({"id": "chatcmpl-1", "choices": choices}).encode() + b"\n\n"


def sound(data: bytes = DELTA) -> bytes:
    return event(audio={"data": base64.b64encode(data).decode()})


def words(text: str = WORDS) -> bytes:
    return event(audio={"id": "audio_1", "transcript": text})


END = event(audio={"expires_at": 3602}) + b"data: [DONE]\n\n"


def stream(*pieces: bytes, text: str = WORDS) -> Callable[[Exchange], None]:
    """Says `text`, then each of `pieces` as one delta of sound."""
    return lambda exchange: exchange.stream(words(text), *map(sound, pieces), END)


def whole(data: bytes, text: str = WORDS) -> Callable[[Exchange], None]:
    """Says `text` and `data` in one answer that is not streamed."""
    audio = {"id": "audio_1", "data": base64.b64encode(data).decode(), "expires_at": 1, "transcript": text}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "audio": audio},
        "finish_reason": "stop",
    }
    body = json.dumps({"id": "chatcmpl-1", "choices": [choice]}).encode()
    return lambda exchange: exchange.reply(body)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
