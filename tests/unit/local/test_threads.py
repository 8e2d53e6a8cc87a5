"""Blocking work ends when nobody wants it any more, at the latest with the interpreter."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from audiocli.local.threads import Emit, call_in_thread, stream_from_thread


def test_values_come_in_order() -> None:
    def work(emit: Emit[int]) -> None:
        for number in range(100):
            emit(number)

    async def read() -> list[int]:
        return [number async for number in stream_from_thread(work)]

    assert asyncio.run(read()) == list(range(100))


def test_an_error_comes_after_the_values() -> None:
    def work(emit: Emit[int]) -> None:
        emit(1)
        raise ValueError("broken")

    async def read() -> None:
        stream = stream_from_thread(work)
        assert await anext(stream) == 1
        with pytest.raises(ValueError, match="broken"):
            await anext(stream)

    asyncio.run(read())


def test_closing_ends_the_work() -> None:
    ended = threading.Event()

    def work(emit: Emit[int]) -> None:
        while emit(0):
            time.sleep(0.001)
        ended.set()

    async def read_one() -> None:
        stream = stream_from_thread(work)
        await anext(stream)
        await stream.aclose()

    asyncio.run(read_one())
    assert ended.wait(5)


def test_a_call_returns_or_raises() -> None:
    def fail() -> int:
        raise OSError("no")

    assert asyncio.run(call_in_thread(lambda: 7)) == 7
    with pytest.raises(OSError, match="no"):
        asyncio.run(call_in_thread(fail))


def test_cancelling_a_call_does_not_wait_for_it() -> None:
    release = threading.Event()

    async def cancel() -> float:
        task = asyncio.create_task(call_in_thread(release.wait))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - started

    try:
        assert asyncio.run(cancel()) < 1
    finally:
        release.set()


ABANDONED = """
import asyncio, time
from audiocli.local.threads import stream_from_thread

def work(emit):
    while emit(0):
        time.sleep(0.01)
    print("ended")

async def main():
    global stream
    stream = stream_from_thread(work)
    await anext(stream)

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


def test_the_interpreter_ends_what_was_abandoned() -> None:
    done = subprocess.run([sys.executable, "-c", ABANDONED], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, "ended\n")
