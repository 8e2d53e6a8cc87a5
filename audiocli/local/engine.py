"""Thinking and speaking at once: a sentence is spoken while the next one is being thought."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from audiocli.local.sentences import speakable, take_clause, take_sentences
from audiocli.local.speak import Speaker
from audiocli.local.think import Thought


@dataclass(frozen=True)
class Sound:
    """24 kHz mono pcm16."""

    pcm: bytes = field(repr=False)


async def speak_thoughts(
    thoughts: AsyncGenerator[Thought, None], speaker: Speaker
) -> AsyncGenerator[Thought | Sound, None]:
    """`thoughts` as they come, and the sound of each sentence as soon as it can be had.

    Whatever either side raises is raised here. Closing it closes `thoughts`.
    """
    out: asyncio.Queue[Thought | Sound | None] = asyncio.Queue()
    sentences: asyncio.Queue[str | None] = asyncio.Queue()
    both = asyncio.gather(_think(thoughts, out, sentences), _speak(speaker, sentences, out))
    both.add_done_callback(lambda _: out.put_nowait(None))
    try:
        while (item := await out.get()) is not None:
            yield item
        await both
    finally:
        both.cancel()
        await asyncio.gather(both, return_exceptions=True)


async def _think(
    thoughts: AsyncGenerator[Thought, None],
    out: asyncio.Queue[Thought | Sound | None],
    sentences: asyncio.Queue[str | None],
) -> None:
    take = take_clause
    text = ""
    async with aclosing(thoughts):
        async for thought in thoughts:
            out.put_nowait(thought)
            complete, text = take(text + thought.text)
            for sentence in complete:
                sentences.put_nowait(sentence)
                take = take_sentences
    sentences.put_nowait(text)
    sentences.put_nowait(None)


async def _speak(
    speaker: Speaker, sentences: asyncio.Queue[str | None], out: asyncio.Queue[Thought | Sound | None]
) -> None:
    while (sentence := await sentences.get()) is not None:
        if spoken := speakable(sentence):
            out.put_nowait(Sound(await speaker.speak(spoken)))
