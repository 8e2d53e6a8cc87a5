"""Of every source, bytes sent = length announced = size stated, whatever becomes of its file meanwhile."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pybase64
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocli.audio.reading.source import (
    FileSource,
    SliceSource,
    StoredSource,
    as_descriptor,
    copied,
    open_input,
)
from audiocli.chat import AudioBytes, AudioSource
from audiocli.errors import InputError
from audiocli.http.client import post, post_form
from audiocli.wire.json import content_length
from audiocli.wire.openai.transcription import Form
from tests.servers import Server, serve

SOURCES = st.recursive(
    st.tuples(
        st.sampled_from(("bytes", "file", "grown file", "input", "stored", "copied")), st.binary(max_size=300)
    ),
    lambda inner: st.tuples(
        st.just("slice"), inner, st.binary(max_size=80), st.integers(0, 40), st.integers(0, 40)
    ),
    max_leaves=3,
)
"""What to make: a kind with its content, or a slice of another, with a head and what to leave out."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(lambda exchange: exchange.reply(b"{}")) as server:
        yield server


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def made(recipe: tuple, folder: Path) -> tuple[AudioSource, bytes]:  # type: ignore[type-arg] # of two shapes
    """A source, and what it has to give."""
    if recipe[0] == "slice":
        _, inner, head, left, right = recipe
        source, content = made(inner, folder)
        length = max(0, len(content) - left - right)
        return SliceSource(head, source, left, length), head + content[left : left + length]
    kind, content = recipe
    path = folder / f"{len(os.listdir(folder))}.wav"
    path.write_bytes(content)
    match kind:
        case "file":
            return FileSource(str(path), len(content), path.stat().st_mtime_ns), content
        case "grown file":
            path.write_bytes(content + b"more")
            return FileSource(str(path), len(content)), content
        case "input" if content:
            return open_input(str(path), 10**6), content
        case "stored":
            return StoredSource(lambda file: file.write(content)), content
        case "copied":
            return copied(AudioBytes(content)), content
    return AudioBytes(content), content


def as_form(url: str, source: AudioSource) -> None:
    async def send() -> None:
        form = Form((("model", "m"),), source, "a.wav", "audio/wav")
        async with post_form(url, {}, form, idle_seconds=5) as reply:
            await reply.read()

    asyncio.run(send())


def as_json(url: str, source: AudioSource) -> None:
    async def send() -> None:
        async with post(url, {}, [b'"', source, b'"'], idle_seconds=5) as reply:
            await reply.read()

    asyncio.run(send())


@settings(deadline=None, max_examples=60)
@given(SOURCES)
def test_as_many_bytes_are_sent_as_are_announced(server: Server, recipe: tuple) -> None:  # type: ignore[type-arg] # of two shapes
    with folder() as path:
        source, content = made(recipe, path)
        assert source.size == len(content)
        with source.open() as file:
            assert file.read() == content
        with as_descriptor(source) as descriptor:
            assert os.pread(descriptor, 1000, 0) == content
        as_form(server.url, source)
        as_json(server.url, source)
        uploaded, written = server.exchanges[-2:]
    for exchange in (uploaded, written):
        assert int(exchange.headers["content-length"]) == len(exchange.body)
    assert uploaded.body.split(b"\r\n\r\n", 2)[2].rpartition(b"\r\n--")[0] == content
    assert written.body == b'"' + pybase64.b64encode(content) + b'"'
    assert content_length([b'"', source, b'"']) == len(written.body)


@pytest.mark.parametrize("send", [as_form, as_json])
@pytest.mark.parametrize(
    "change", [lambda file: file.truncate(150_000), lambda file: file.write(b"x" * 400_000)]
)
def test_a_file_that_changes_while_it_is_sent_is_never_sent_as_if_it_were_whole(
    tmp_path: Path,
    send: Callable[[str, AudioSource], None],
    change: Callable[[BinaryIO], int],
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(200_000))
    source = SliceSource(b"head", open_input(str(path), 10**6), 100, 199_000)
    with path.open("r+b") as file:
        change(file)
    with (
        serve(lambda exchange: exchange.reply(b"{}")) as server,
        pytest.raises(InputError, match=r"changed while|shorter"),
    ):
        send(server.url, source)
    assert all(len(exchange.body) < int(exchange.headers["content-length"]) for exchange in server.exchanges)


def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(bytes(1000))
    source = FileSource(str(path), 1000)
    with source.open() as file:
        path.write_bytes(bytes(1000) + b"more")
        assert file.read() == bytes(1000)
    with as_descriptor(source) as descriptor:
        assert os.fstat(descriptor).st_size == 1000
