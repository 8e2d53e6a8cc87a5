"""A stream of several choices is whole when each has finished, for whoever reads it."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from audiocli.errors import ReplyError
from audiocli.wire.openai.chat import StreamDecoder
from audiocli.wire.openai.normalise import StreamNormaliser

DONE = b"[DONE]"


def chunk(index: int | None, reason: str | None = None, **members: Any) -> bytes:
    choice: dict[str, Any] = {"delta": {"content": "a"}, "finish_reason": reason}
    if index is not None:
        choice["index"] = index
    return json.dumps({"id": "c", "choices": [choice], **members}).encode()


def by_the_gateway(payloads: Sequence[bytes]) -> None:
    normaliser = StreamNormaliser(choices=2)
    for payload in payloads:
        normaliser.feed(payload)
    normaliser.close()


def by_a_client(payloads: Sequence[bytes]) -> None:
    decoder = StreamDecoder(choices=2)
    for payload in payloads:
        list(decoder.feed(payload))
    list(decoder.close())


READERS = pytest.mark.parametrize("read", [by_the_gateway, by_a_client])


@READERS
@pytest.mark.parametrize(
    "payloads",
    [
        [chunk(0), chunk(1), chunk(0, "stop")],
        [chunk(0), chunk(1), chunk(1, "stop")],
        [chunk(0, "stop"), chunk(1), DONE],
        [chunk(None, "stop"), chunk(1)],
        [chunk(0, "stop"), chunk(1, "")],
    ],
)
def test_a_stream_that_ends_before_each_choice_has_finished_is_cut(
    payloads: Sequence[bytes], read: Callable[[Sequence[bytes]], None]
) -> None:
    with pytest.raises(ReplyError, match="cut off"):
        read(payloads)


@READERS
@pytest.mark.parametrize(
    "payloads",
    [
        [chunk(0), chunk(1), chunk(0, "stop"), chunk(1, "length")],
        [chunk(0), chunk(1), DONE],  # OpenAI's spoken answers have no finish reasons
        [chunk(0, "stop"), chunk(1, "stop"), DONE],
        [chunk(0, "stop"), DONE],  # a service that does not know `n`
    ],
)
def test_a_stream_of_which_each_choice_has_finished_is_whole(
    payloads: Sequence[bytes], read: Callable[[Sequence[bytes]], None]
) -> None:
    read(payloads)


@READERS
def test_a_choice_that_was_asked_for_and_has_not_begun_has_not_finished(
    read: Callable[[Sequence[bytes]], None],
) -> None:
    with pytest.raises(ReplyError, match="cut off"):
        read([chunk(0, "stop")])
