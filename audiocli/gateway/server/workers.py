"""Several processes that share a socket, and the one that keeps their number."""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

FIRST_DELAY_SECONDS = 0.5  # before a worker that has ended is started again: 0.5 s, 1 s, 2 s, …
LONGEST_DELAY_SECONDS = 8.0
STEADY_SECONDS = 10.0  # that a worker runs before the next one's delay begins anew
KILL_SECONDS = 5.0  # beyond the time that workers have to finish


class Workers:
    """Keeps `count` processes in which `work` runs, until a signal ends them.

    SIGTERM and SIGINT end the workers, which have `grace` seconds for it; a second one ends all at once.
    SIGHUP is passed on. `work` gets the worker's number, and returns its exit code.
    """

    def __init__(
        self, work: Callable[[int], int], count: int, grace: float, note: Callable[[str], None]
    ) -> None:
        self._work = work
        self._count = count
        self._grace = grace
        self._note = note
        self._numbers: dict[int, int] = {}  # by process
        self._started: dict[int, float] = {}
        self._delay = FIRST_DELAY_SECONDS
        self._stopped_by: int | None = None

    def run(self, ready: Callable[[], None]) -> int:
        """Returns the signal that has ended them. `ready` is called when signals are heard."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._pass_on)
        signal.signal(signal.SIGALRM, self._kill)
        ready()  # The first connections wait for the workers.
        for worker in range(self._count):
            self._start(worker)
        while self._numbers:
            self._ended(os.wait()[0])
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert self._stopped_by is not None  # noqa: S101 - until then, each that ends is started again
        return self._stopped_by

    def _start(self, worker: int) -> None:
        # Between the fork and its own handlers, a signal is kept for the worker.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        if self._stopped_by is None:
            process = os.fork()
            if process == 0:
                self._become(worker)
            self._numbers[process] = worker
            self._started[process] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _become(self, worker: int) -> None:
        """What happens in a worker, which never returns from here."""
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            # Ctrl-C reaches all of a terminal's processes: what it means, the first of them tells.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            code = self._work(worker)
        finally:
            os._exit(code)

    def _ended(self, process: int) -> None:
        worker = self._numbers.pop(process, None)
        if worker is None or self._stopped_by is not None:
            return
        if time.monotonic() - self._started.pop(process) > STEADY_SECONDS:
            self._delay = FIRST_DELAY_SECONDS
        self._note(f"worker {process} has ended; another begins in {self._delay:g} s")
        self._pause(self._delay)
        self._delay = min(2 * self._delay, LONGEST_DELAY_SECONDS)
        self._start(worker)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._stopped_by is None and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopped_by is not None:
            self._end_at_once(number)
        self._stopped_by = number
        signal.setitimer(signal.ITIMER_REAL, self._grace + KILL_SECONDS)
        self._send(signal.SIGTERM)

    def _end_at_once(self, number: int) -> None:
        """End all, and this process by the signal, as a single one ends."""
        self._send(signal.SIGKILL)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._send(number)

    def _kill(self, _number: int, _frame: FrameType | None) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        for process in list(self._numbers):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue  # It has ended, and will be noticed.


_SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGALRM") if hasattr(signal, name)
]
