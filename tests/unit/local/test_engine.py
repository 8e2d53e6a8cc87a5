"""A sentence is spoken while the next one is being thought."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from audiocli.local.engine import Sound, speak_thoughts
from audiocli.local.think import Thought


class Parrot:
    """Speaks a text as its own bytes."""

    async def speak(self, text: str) -> bytes:
        return text.encode()


class Mute:
    async def speak(self, text: str) -> bytes:
        raise OSError(f"cannot say {text}")


async def _thoughts(*texts: str, closed: list[bool] | None = None) -> AsyncGenerator[Thought, None]:
    try:
        for count, text in enumerate(texts):
            yield Thought(text, 1, count)
            await asyncio.sleep(0.001)
    finally:
        if closed is not None:
            closed.append(True)


def test_every_sentence_is_spoken_once_and_in_order() -> None:
    async def listen() -> list[str]:
        stream = speak_thoughts(_thoughts("One", ". Two", "! Thr", "ee"), Parrot())
        return [item.pcm.decode() async for item in stream if isinstance(item, Sound)]

    assert asyncio.run(listen()) == ["One.", "Two!", "Three"]


def test_sound_starts_before_the_thought_is_finished() -> None:
    async def listen() -> list[str]:
        stream = speak_thoughts(_thoughts("One. ", "Two ", "three ", "four."), Parrot())
        return ["sound" if isinstance(item, Sound) else item.text async for item in stream]

    order = asyncio.run(listen())
    assert order.index("sound") < order.index("three ")
    assert [item for item in order if item != "sound"] == ["One. ", "Two ", "three ", "four."]


def test_a_speaker_that_fails_ends_it_with_its_error() -> None:
    closed: list[bool] = []

    async def listen() -> None:
        async for _ in speak_thoughts(_thoughts("One. ", *["and "] * 1000, closed=closed), Mute()):
            pass

    with pytest.raises(OSError, match="cannot say One"):
        asyncio.run(listen())
    assert closed == [True]


def test_closing_it_closes_the_thoughts() -> None:
    closed: list[bool] = []

    async def listen() -> None:
        async with aclosing(speak_thoughts(_thoughts(*["and "] * 1000, closed=closed), Parrot())) as stream:
            await anext(stream)

    asyncio.run(listen())
    assert closed == [True]
