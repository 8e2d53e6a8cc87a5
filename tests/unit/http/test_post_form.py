"""A form goes out in blocks, its length known before, and whatever its file is called."""

import asyncio
import io
import tracemalloc
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import BinaryIO

import pytest

from audiocli.audio.reading.source import FileSource
from audiocli.chat import AudioBytes, AudioSource
from audiocli.errors import InputError
from audiocli.http.client import post_form
from audiocli.wire.openai.transcription import Form
from tests.servers import Exchange, serve

SOUND = bytes(range(256)) * 1000
FIELDS = (
    ("model", "whisper-1"),
    ("granularity[]", "word"),
    ("granularity[]", "segment"),
    ("prompt", "é\r\n--x"),
)


def form(source: AudioSource, file_name: str = "audio.wav") -> Form:
    return Form(FIELDS, source, file_name, "audio/wav")


def sent(url: str, form: Form) -> int:
    async def send() -> int:
        async with post_form(url, {"X-Own": "1"}, form, idle_seconds=5) as reply:
            await reply.read()
            return reply.status

    return asyncio.run(send())


def parts(exchange: Exchange) -> list[Message]:
    described = f"Content-Type: {exchange.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(described + exchange.body)
    assert message.is_multipart()
    return message.get_payload()  # type: ignore[return-value] # parts of a multipart message are messages


def answer(exchange: Exchange) -> None:
    exchange.reply(b"{}")


def test_fields_and_the_file_arrive_as_they_are() -> None:
    with serve(answer) as server:
        assert sent(server.url, form(AudioBytes(SOUND))) == 200
    exchange = server.exchanges[0]
    *fields, file = parts(exchange)
    assert [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True))
        for part in fields
    ] == [(name, value.encode()) for name, value in FIELDS]
    assert (file.get_param("name", header="content-disposition"), file.get_filename()) == (
        "file",
        "audio.wav",
    )
    assert (file.get_content_type(), file.get_payload(decode=True)) == ("audio/wav", SOUND)
    assert int(exchange.headers["content-length"]) == len(exchange.body)
    assert "transfer-encoding" not in exchange.headers
    assert exchange.headers["x-own"] == "1"


@pytest.mark.parametrize(
    "name",
    [
        'a"; name="model"',
        "a\r\nX-Injected: 1\r\n\r\nb.wav",
        "héllo 世界.wav",
        "b\udcffd.wav",
        "../../etc/passwd",
        "",
    ],
)
def test_no_file_name_can_be_more_than_a_name(name: str) -> None:
    with serve(answer) as server:
        sent(server.url, form(AudioBytes(b"sound"), name))
    exchange = server.exchanges[0]
    found = parts(exchange)
    assert len(found) == len(FIELDS) + 1
    assert found[-1].get_payload(decode=True) == b"sound"
    assert all("X-Injected" not in part for part in found)


class _Short(io.BytesIO):
    """Tells of a length that it does not have."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = super().seek(offset, whence)
        return position + 10 if whence == io.SEEK_END else position


class ShortSource(AudioBytes):
    def open(self) -> BinaryIO:
        return _Short(self.data)


def shrinking_file(tmp_path: Path) -> AudioSource:
    path = tmp_path / "a.wav"
    path.write_bytes(SOUND)
    return FileSource(str(path), len(SOUND) + 1)


@pytest.mark.parametrize("source", [shrinking_file, lambda _: ShortSource(SOUND)], ids=["file", "other"])
def test_a_file_that_became_shorter_is_said(source: Callable[[Path], AudioSource], tmp_path: Path) -> None:
    with serve(answer) as server, pytest.raises(InputError, match=r"changed while|became shorter"):
        sent(server.url, form(source(tmp_path)))


@pytest.mark.parametrize("status", ["401 Unauthorized", "413 Content Too Large"])
def test_a_reply_that_comes_before_the_body_is_read_is_seen(status: str, tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(100_000_000)

    def refuse(exchange: Exchange) -> None:
        exchange.reply(b"{}", status=status)
        exchange.hold()

    with serve(refuse, read_body=False) as server:
        assert sent(server.url, form(FileSource(str(path), 100_000_000))) == int(status[:3])


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    size = 20_000_000
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(size)
    taken = []

    def drain(exchange: Exchange) -> None:
        left = int(exchange.headers["content-length"]) - len(exchange.body)
        while left > 0:
            left -= len(exchange.connection.recv(1 << 16))
        taken.append(left)
        exchange.reply(b"{}")

    with serve(drain, read_body=False) as server:
        sent(server.url, form(AudioBytes(b"warm")))
        tracemalloc.start()
        sent(server.url, form(FileSource(str(path), size)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert taken == [0, 0]
    assert peak < 4_000_000
