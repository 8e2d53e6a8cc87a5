"""A command that waits can be stopped: what it has begun is ended, and what it has received is kept."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

from audiocli.errors import Interrupted

T = TypeVar("T")

DEAF_SECONDS = 0.4

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run_until_signal(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine`. When a signal asks the program to end, it cleans up, and `Interrupted` is raised."""
    return asyncio.run(_guarded(coroutine))


async def _guarded(coroutine: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)
    received: list[int] = []

    def stop() -> None:
        _set_alarm(0)
        task.cancel()

    def stop_from_handler(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        _release(heard)  # The second signal ends the program at once.
        loop.call_soon_threadsafe(stop)
        _set_alarm(DEAF_SECONDS)

    def stop_now(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted(received[0])

    # What nohup has switched off stays off.
    heard = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, stop_from_handler)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, stop_now)
    try:
        return await task
    except asyncio.CancelledError as error:
        if not received:
            raise
        raise _interrupted(received[0], error) from error
    finally:
        _set_alarm(0)
        _release(heard)


def _set_alarm(seconds: float) -> None:
    """For where the loop does not hear: while it writes to a pipe that nobody empties, or converts."""
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _interrupted(number: int, error: BaseException) -> Interrupted:
    interrupted = Interrupted(number)
    for note in getattr(error, "__notes__", ()):
        interrupted.add_note(note)
    return interrupted


def _release(heard: list[int]) -> None:
    for number in heard:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
