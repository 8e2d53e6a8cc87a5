"""What answers requests may be replaced while they are answered: each keeps what it began with."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from audiocli.errors import AudiocliError, ServerError
from audiocli.gateway.booking import Books, Entry
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.incoming import Receive, Scope, Send
from audiocli.gateway.metrics import Metrics
from audiocli.gateway.replies import send_error
from audiocli.gateway.server.framing import RefusedError
from audiocli.gateway.state import State
from audiocli.gateway.upstream import Upstream
from audiocli.router import Router
from audiocli.secret import redact_key_shapes

App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class _Generation:
    """What answers by one `State`, and how many requests it is answering."""

    state: State
    app: App
    running: int = 0


class Generations:
    """The ASGI application in front: requests go to the newest generation, and end in their own.

    `build` makes what answers of a `State`. Counters go on over all of them. `report` is told of errors that
    nobody expected.
    """

    def __init__(
        self, build: Callable[[State], App], write: Callable[[str], None], report: Callable[[str], None]
    ) -> None:
        self._build = build
        self._report = report
        self._metrics = Metrics()
        self._books = Books(self._metrics, write)
        self._newest: _Generation | None = None

    async def begin(self, settings: Settings) -> None:
        """Answer by `settings` from now on."""
        former = self._newest
        known = former.state.router if former else None
        router = Router(settings.deployments, settings.policy, expand=settings.expand, former=known)
        if former is None:
            state = State(settings, router, Upstream(), self._metrics, self._books)
        else:
            state = replace(former.state, settings=settings, router=router, upstream=Upstream())
        self._newest = _Generation(state, self._build(state))
        if former is not None and not former.running:
            await former.state.upstream.close()

    def drain(self) -> None:
        """From now on no further requests are wanted."""
        if self._newest is not None:
            self._newest.state.condition.draining = True

    def refused(self, error: RefusedError) -> str:
        """Write down a request that nobody was asked to answer, by its reason alone; returns its id."""
        entry = Entry(route="refused", status=error.status, error=error.message)
        self._books.close(entry)
        return entry.id

    async def end(self) -> None:
        if self._newest is not None:
            await self._newest.state.upstream.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        generation = self._newest
        assert generation is not None  # noqa: S101 - begun before the first connection is accepted
        generation.running += 1
        try:
            await generation.app(scope, receive, send)
        except asyncio.CancelledError:
            await _last_words(send, ServerError("the gateway is shutting down", status=503))
        except Exception as error:
            self._report(told(error))
            await _last_words(send, AudiocliError("internal error of the gateway"))
        finally:
            generation.running -= 1
            if generation is not self._newest and not generation.running:
                await generation.state.upstream.close()


async def _last_words(send: Send, error: AudiocliError) -> None:
    """Tell the client of `error`. An answer that has begun stays without its end, and is broken off."""
    with suppress(RuntimeError):  # uvicorn's word for that
        await send_error(send, error, [(b"connection", b"close")])


def told(error: Exception) -> str:
    """On one line, what nobody expected, and where."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
    return redact_key_shapes(f"internal error: {what}")
