"""Transcripts, as a service with `/audio/transcriptions` sends them, for the servers in `tests.servers`."""

import io
import json
import threading
import time
import wave
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

from tests.servers import Exchange

RATE = 8000
SAMPLES = Path(__file__).parents[1] / "samples"
SPEECH = SAMPLES / "hello.wav"
SAID = "Hello there, what is your name?"


@dataclass(frozen=True)
class Sent:
    """A form that was sent: its fields, and its file."""

    fields: dict[str, list[str]]
    file_name: str
    file: bytes = field(repr=False)


def sent(exchange: Exchange) -> Sent:
    """What a request for a transcript holds."""
    head = f"Content-Type: {exchange.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + exchange.body, policy=policy.HTTP)
    fields: dict[str, list[str]] = {}
    name, file = "", b""
    for part in message.iter_parts():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        if part.get_filename():
            name, file = part.get_filename() or "", payload
        else:
            key = str(part.get_param("name", header="content-disposition"))
            fields.setdefault(key, []).append(payload.decode())
    return Sent(fields, name, file)


def says(text: str = SAID, *, seconds: float = 0.0) -> Callable[[Exchange], None]:
    """Writes down `text`, after `seconds`, in whatever form is asked for."""

    def script(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.reply(transcript(text, exchange))

    return script


def transcript(text: str, exchange: Exchange) -> bytes:
    """The answer to a request; in verbose_json one segment, and its words, half a second each."""
    form = sent(exchange)
    if form.fields.get("response_format") != ["verbose_json"]:
        return json.dumps({"text": text}).encode()
    words = [
        {"word": word, "start": number / 2, "end": number / 2 + 0.5}
        for number, word in enumerate(text.split())
    ]
    segment = {"id": 0, "start": 0.0, "end": len(words) / 2, "text": " " + text}
    document = {
        "task": "transcribe",
        "language": "english",
        "duration": len(words) / 2,
        "text": text,
        "segments": [segment],
        "words": words,
    }
    return json.dumps(document).encode()


def tone(path: Path, seconds: float, *, rate: int = RATE, channels: int = 1, level: int = 9000) -> Path:
    """A WAV of noise that is no silence; `level` 0 makes it one."""
    path.write_bytes(wav(seconds, rate=rate, channels=channels, level=level))
    return path


def wav(seconds: float, *, rate: int = RATE, channels: int = 1, level: int = 9000) -> bytes:
    period = array("h", (level if n // 20 % 2 else -level for n in range(40) for _ in range(channels)))
    frames = int(seconds * rate)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((channels, 2, rate, 0, "NONE", ""))
        sound.writeframes((period * (frames // 40 + 1))[: frames * channels].tobytes())
    return file.getvalue()


@dataclass
class Counter:
    """Counts, in the threads of a server."""

    value: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int:
        with self._lock:
            self.value += 1
            return self.value
