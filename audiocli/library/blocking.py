"""Asynchronous functions for synchronous callers.

Each call has an event loop of its own in a thread of its own. So it works where a loop is running already, as
in a notebook; that loop stands still until the call is over.
"""

import asyncio
import atexit
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """`function`, for callers that wait for what it returns."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with _OwnLoop() as loop:
            return loop.run(function(*args, **kwargs))

    return call


def iterating(function: Callable[P, AsyncGenerator[T, None]]) -> Callable[P, Generator[T, None, None]]:
    """`function`, for callers that iterate over what it yields.

    Closing the generator, or dropping it, closes that of `function`, and so does the end of the program.
    """

    @wraps(function)
    def iterate(*args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        items = function(*args, **kwargs)
        with _OwnLoop(items) as loop:
            while (item := loop.run(_next(items))) is not _END:
                yield item

    return iterate


_END: Any = object()


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items, _END)


class _OwnLoop:
    """A loop that runs in a thread. Leaving it cancels what runs there and closes `items`."""

    def __init__(self, items: AsyncGenerator[Any, None] | None = None) -> None:
        self._items = items
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="audiocli", daemon=True)

    def __enter__(self) -> "_OwnLoop":
        self._thread.start()
        # Python closes a forgotten generator when no thread runs any more, which would be waited for in vain.
        atexit.register(self._close)
        return self

    def __exit__(self, *exception: object) -> None:
        atexit.unregister(self._close)
        self._close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns. If Ctrl-C interrupts the waiting, leaving the loop cancels it."""
        running = None
        try:
            running = asyncio.run_coroutine_threadsafe(work, self._loop)
            return running.result()
        finally:
            if running is None:
                work.close()  # Ctrl-C came before it was handed over: nobody will await it.

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        await self._stop.wait()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._items is not None:
            await self._items.aclose()

    def _close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
