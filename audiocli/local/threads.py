"""Blocking work in a thread of its own, as an asynchronous stream.

An interpreter that exits unwinds the threads that want its lock, which C++ answers by aborting the process
("FATAL: exception not rethrown"). So nothing here outlives the interpreter: at exit every thread is told to
end, and waited for as long as one step of its work may take.
"""

import asyncio
import atexit
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Emit = Callable[[T], bool]
"""Hands one value on. `False`: nobody wants more, the work shall end."""

_LONGEST_STEP = 2.0  # seconds; loading the model takes 0.3, a batch of the prompt 0.1

_running: dict[threading.Thread, threading.Event] = {}


@dataclass(frozen=True)
class _Value(Generic[T]):
    value: T


@dataclass(frozen=True)
class _End:
    error: Exception | None


async def stream_from_thread(work: Callable[[Emit[T]], None]) -> AsyncGenerator[T, None]:
    """What `work` emits, as it emits it; then what it raises, if it does.

    Closing the generator does not wait for `work`, which learns from its next `emit` that it shall end.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[_Value[T] | _End] = asyncio.Queue()
    closed = threading.Event()

    def put(item: _Value[T] | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to hear it
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def emit(value: T) -> bool:
        put(_Value(value))
        return not closed.is_set()

    def run() -> None:
        try:
            work(emit)
        except Exception as exc:  # it is raised where the stream is read
            put(_End(exc))
        else:
            put(_End(None))

    start_thread(run, closed)
    try:
        while isinstance(item := await queue.get(), _Value):
            yield item.value
    finally:
        closed.set()
    if item.error:
        raise item.error


async def call_in_thread(function: Callable[[], T]) -> T:
    """What `function` returns. Unlike with `asyncio.to_thread`, nothing waits for it once it is cancelled."""

    def work(emit: Emit[T]) -> None:
        emit(function())

    stream = stream_from_thread(work)
    try:
        return await anext(stream)
    finally:
        await stream.aclose()


def start_thread(run: Callable[[], None], stop: threading.Event | None = None) -> None:
    """Start `run`. `stop` is set at exit, and `run` ends soon after."""
    thread = threading.Thread(target=lambda: _run(run), daemon=True)
    _running[thread] = stop or threading.Event()
    thread.start()


def _run(run: Callable[[], None]) -> None:
    try:
        run()
    finally:
        del _running[threading.current_thread()]


@atexit.register
def _end_all() -> None:
    running = dict(_running)
    for stop in running.values():
        stop.set()
    for thread in running:
        thread.join(_LONGEST_STEP)
