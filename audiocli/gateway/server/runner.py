"""The gateway as a process: it listens, answers, takes up changed settings, and ends when it is told to."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

import uvicorn

from audiocli.errors import AudiocliError, Interrupted, UsageError
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.server.generations import App, Generations, told
from audiocli.gateway.server.listening import BACKLOG, check_exposure, concerns, listen, url_of
from audiocli.gateway.server.memory import SpareMemory, reuse_big_buffers
from audiocli.gateway.server.protocol import bounded_protocol
from audiocli.gateway.server.reloading import Reloading
from audiocli.gateway.server.workers import Workers
from audiocli.gateway.state import State

TICKS_PER_SECOND = 10  # as uvicorn's server counts

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What to serve, and whom to tell.

    `load` reads the settings. Requests have `grace` seconds to end when the gateway does. `ready` is told the
    URL once it is listening and hears signals, `write` the log's line of each request, `note` what a user
    should know.
    """

    load: Callable[[], Settings]
    ready: Callable[[str], None]
    write: Callable[[str], None]
    note: Callable[[str], None]
    host: str = "127.0.0.1"
    port: int = 4000
    workers: int = 1
    grace: float = 30.0
    build: Callable[[State], App] | None = None


def serve(serving: Serving) -> None:
    """Serve until SIGTERM, and return; a second signal ends the process at once.

    Raises `Interrupted` where it was SIGINT, `ConfigError` where the settings cannot be used, and
    `UsageError` where it cannot listen.
    """
    settings = serving.load()
    if serving.workers > 1 and not hasattr(os, "fork"):
        raise UsageError("several workers need fork, which this system lacks", hint="use one")
    listener = listen(serving.host, serving.port, settings.master_key)
    for line in (*settings.warnings, *concerns(listener.getsockname()[0], settings.master_key)):
        serving.note(line)
    reuse_big_buffers()
    logging.getLogger().addHandler(logging.NullHandler())
    with listener:
        received = _run(serving, settings, listener)
    if received == signal.SIGINT:
        raise Interrupted(received)


def _run(serving: Serving, settings: Settings, listener: socket.socket) -> int:
    """Serve in this process or in several; returns the signal that has ended it."""
    build = serving.build or _gateway()
    gc.freeze()
    ready = partial(serving.ready, url_of(listener))
    if serving.workers == 1:
        return _serve(_Process(serving, settings, listener, build, ready=ready))
    parent = os.getpid()

    def work(number: int) -> int:
        told = serving.note if number == 0 else _nobody
        _serve(_Process(serving, settings, listener, build, note=told, parent=parent))
        return 0

    return Workers(work, serving.workers, serving.grace, serving.note).run(ready)


def _gateway() -> Callable[[State], App]:
    from audiocli.gateway.app import Gateway

    return Gateway


def _nobody(_line: str) -> None:
    """Another worker says the same."""


@dataclass(frozen=True)
class _Process:
    """What one process serves by. `parent` is the process without which it ends, and which says `ready`."""

    serving: Serving
    settings: Settings
    listener: socket.socket
    build: Callable[[State], App]
    ready: Callable[[], None] | None = None
    note: Callable[[str], None] | None = None
    parent: int | None = None

    def tell(self, line: str) -> None:
        (self.note or self.serving.note)(line)


def _serve(process: _Process) -> int:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_answer(process))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # Windows has none.
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _answer(process: _Process) -> int:
    serving = process.serving
    generations = Generations(process.build, serving.write, serving.note)
    await generations.begin(process.settings)
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: serving.note(
            f"internal error: {context.get('exception') or context['message']}"
        )
    )
    server = _Server(process, generations)
    try:
        await server.serve(sockets=[process.listener])
    finally:
        await generations.end()
    return server.received


class _Server(uvicorn.Server):
    """uvicorn's server, with signals and changed settings as this program has them."""

    def __init__(self, process: _Process, generations: Generations) -> None:
        super().__init__(
            uvicorn.Config(
                generations,
                http=bounded_protocol(process.settings.bounds, generations.refused),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.CRITICAL + 1,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=process.serving.grace,  # type: ignore[arg-type] # uvicorn takes a fraction too
            )
        )
        self.received: int = signal.SIGTERM
        self._process = process
        self._generations = generations
        self._reloading = Reloading(process.serving.load, process.settings)
        self._spare = SpareMemory()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._stop) for number in self._ending()}
        if hasattr(signal, "SIGHUP"):
            # Without a file there is nothing to load again, and SIGHUP says that the terminal has gone.
            heard = self._reload_soon if self._process.settings.files else self._stop
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, heard)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ending(self) -> list[int]:
        return [number for number in _ENDING if self._process.parent is None or number != signal.SIGINT]

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        self.should_exit = True
        self._generations.drain()
        for each in self._ending():
            signal.signal(each, signal.SIG_DFL)  # The second signal ends the process at once.

    def _reload_soon(self, _number: int, _frame: FrameType | None) -> None:
        self._reloading.ask()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._process.ready is not None and not self.should_exit:
            self._process.ready()

    async def on_tick(self, counter: int) -> bool:
        looks = counter % TICKS_PER_SECOND == 0
        if looks:
            await self._reload()
            self._spare.look()
        if looks and self._process.parent not in (None, os.getppid()):
            self.should_exit = True  # Nobody is left who would end this worker.
        return await super().on_tick(counter)

    async def _reload(self) -> None:
        """Take up settings that have changed; if they cannot be used, keep those that there are."""
        try:
            settings = await self._reloading.look()
            if settings is None:
                return
            check_exposure(self._process.listener.getsockname()[0], settings.master_key)
            await self._generations.begin(settings)
        except Exception as error:
            reason = str(error) if isinstance(error, AudiocliError) else told(error)
            self._process.tell(f"config not reloaded: {reason}")
            return
        self._reloading.begun(settings)
        self.config.http_protocol_class = bounded_protocol(settings.bounds, self._generations.refused)
        for line in settings.warnings:
            self._process.tell(line)
        self._process.tell("config reloaded")
