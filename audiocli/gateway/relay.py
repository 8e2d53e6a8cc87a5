"""The hot path: a request goes on to a deployment as it arrives, and its answer comes back.

`Incoming` reads the body and shows it to the `Request`, which learns the model's name and what must be
another in it. As soon as the name is there a `_Passage` begins: the router's course leads from deployment to
deployment, each gets the body from its start, and the first answer that is one goes to the client by
`pass_on`. From then on `Answer` has begun, and nothing is tried any more. Nothing is parsed whole, and sound
is never touched.

A request ends early by an exception that cancels whatever it is waiting for: the client has left, its body is
not what it should be, the time is up. `Books` has its line in any case.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from audiocli.errors import AudiocliError, DeadlineError, InputError, ProviderError
from audiocli.gateway.answer import Answer
from audiocli.gateway.booking import CLIENT_LEFT, Entry
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.incoming import (
    REFUSED,
    ClientLeft,
    Incoming,
    Receive,
    Scope,
    Send,
    TooLargeError,
    release_frames,
)
from audiocli.gateway.inside.answering import answer_in_process
from audiocli.gateway.passing import pass_on, told
from audiocli.gateway.requests import Request, UnsupportedMediaError, header
from audiocli.gateway.state import State
from audiocli.gateway.upstream import Body, Reply, StaleError
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.target import OPENAI_WIRE
from audiocli.router import Deployment
from audiocli.wire.splicing.splice import Splice

MB = 1_000_000
WHOLE_BYTES = 256 * 1024
"""A request that is no larger is waited for, and goes out in one piece."""

Understand = Callable[[Scope, str, Settings], Request]


class Relay:
    """Answers the requests of one route, which go on to `path` below a deployment's base URL.

    An ASGI application; who may ask is decided before.
    """

    def __init__(self, state: State, understand: Understand, path: str) -> None:
        self._state = state
        self._understand = understand
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entry = Entry(route=f"/v1/{self._path}", key=scope.get("audiocli.key"))
        answer = Answer(send, entry)
        seconds = self._state.settings.timeout
        try:
            async with asyncio.timeout(seconds) as deadline:
                await self._answer(scope, receive, answer, deadline)
        except ClientLeft as error:
            # A client may leave while a connection is tidied up, with the whole of its answer.
            entry.status = entry.status if answer.ended else scope.get(REFUSED, CLIENT_LEFT)
            release_frames(error)
        except TimeoutError as error:
            release_frames(error)
            await answer.fail(DeadlineError(f"no whole answer within {seconds:g} s", code="timeout"))
        except AudiocliError as error:
            release_frames(error)
            await answer.fail(error)
        except Exception as error:
            entry.failed(error)
            raise
        finally:
            if answer.incoming is not None:
                answer.incoming.close()
            self._state.books.close(entry)

    async def _answer(
        self, scope: Scope, receive: Receive, answer: Answer, deadline: asyncio.Timeout
    ) -> None:
        bounds = self._state.settings.bounds
        declared = _check_headers(scope, bounds.max_body_mb * MB)
        request = self._understand(scope, self._path, self._state.settings)
        answer.entry.asked = request
        answer.incoming = incoming = Incoming(
            receive,
            request,
            max_bytes=bounds.max_body_mb * MB,
            kept_bytes=bounds.retry_buffer_mb * MB,
            all_kept_bytes=bounds.retry_buffer_total_mb * MB,
            kept=self._state.kept,
        )
        small = declared is not None and declared <= WHOLE_BYTES
        while not incoming.complete and (small or request.model is None or not incoming.size):
            await incoming.read()
        if request.model is None:
            raise InputError("the request names no model", param="model")
        answer.entry.model = request.model
        if request.chats and request.streams:
            answer.patience = bounds.keepalive_seconds or math.inf
        async with incoming:
            await _Passage(self._state, request, incoming, answer, declared, deadline).go(request.model)


class _Passage:
    """One request's way to the deployments that are tried for it.

    `declared` is how many bytes the client says that its body has, `deadline` the end of all tries.
    """

    def __init__(
        self,
        state: State,
        request: Request,
        incoming: Incoming,
        answer: Answer,
        declared: int | None,
        deadline: asyncio.Timeout,
    ) -> None:
        self._state = state
        self._request = request
        self._incoming = incoming
        self._answer = answer
        self._declared = declared
        self._deadline = deadline

    async def go(self, model: str) -> None:
        """Answer the request, or raise what the last deployment said that was tried."""
        course = self._state.router.course(model)
        failure: ProviderError | None = None
        while (turn := course.next(within=self._seconds_left())) is not None:
            if turn.delay:
                async with self._answer.attended():
                    await asyncio.sleep(turn.delay)
            try:
                await self._try(turn.deployment)
            except ProviderError as error:
                failure = error
                if self._answer.begun or not self._incoming.repeatable:
                    raise
                if not course.failed(turn.deployment, error):
                    raise
            else:
                return
        if failure is not None:
            raise failure

    async def _try(self, deployment: Deployment) -> None:
        seconds = deployment.limit(streams=self._request.streams)
        with self._counted(deployment):
            try:
                async with asyncio.timeout(seconds) as self._answer.limit:
                    await self._ask(deployment)
            except TimeoutError:
                raise _late(seconds) from None
            except ProviderError as error:
                raise told(error, deployment) from None

    async def _ask(self, deployment: Deployment) -> None:
        if deployment.target.wire != OPENAI_WIRE:
            body = self._incoming.blocks()
            async with self._answer.attended():
                await answer_in_process(self._state, deployment, self._request, body, self._answer)
            return
        async with self._answer.attended():
            reply = await self._post(deployment, deployment.target.endpoint)
        try:
            await pass_on(reply, self._request, self._answer, self._state.settings)
        finally:
            reply.close()

    async def _post(self, deployment: Deployment, endpoint: Endpoint) -> Reply:
        """A connection that was kept open may be closed as the request is sent: that is no server's fault."""
        try:
            return await self._send(deployment, endpoint)
        except StaleError:
            if not self._incoming.repeatable:
                raise
            return await self._send(deployment, endpoint, fresh=True)

    async def _send(self, deployment: Deployment, endpoint: Endpoint, *, fresh: bool = False) -> Reply:
        body, length = self._body(deployment)
        headers = {
            "Content-Type": self._request.content_type,
            "Accept": "text/event-stream" if self._request.streams else "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": "audiocli",
            **endpoint.headers,
            **endpoint.credentials,
        }
        if length is not None:
            headers["Content-Length"] = str(length)
        url = endpoint.at(self._request.path)
        return await self._state.upstream.post(url, headers, body, proxy=endpoint.proxy, fresh=fresh)

    def _body(self, deployment: Deployment) -> tuple[Body, int | None]:
        """What `deployment` gets, and how long that is where it does not say so itself."""
        incoming = self._incoming
        changes = self._request.changes(deployment, usage=self._state.settings.normalise)
        if incoming.complete and incoming.size <= WHOLE_BYTES:
            splice = self._request.spliced(changes)
            return b"".join(piece for block in incoming.kept for piece in splice.feed(block)), None
        size = incoming.size if incoming.complete else self._declared
        room = self._request.room(changes)
        blocks = self._blocks(self._request.spliced(changes, room))
        return blocks, None if size is None or room is None else size + room

    async def _blocks(self, splice: Splice) -> AsyncIterator[bytes]:
        async for block in self._incoming.blocks():
            for piece in splice.feed(block):
                yield piece

    def _seconds_left(self) -> float:
        end = self._deadline.when()
        return 0.0 if end is None else end - asyncio.get_running_loop().time()

    @contextmanager
    def _counted(self, deployment: Deployment) -> Iterator[None]:
        """A try as the router and the books see it."""
        state, entry = self._state, self._answer.entry
        state.router.began(deployment)
        state.books.begin(entry, deployment)
        began = time.monotonic()
        failure: ProviderError | None = None
        try:
            yield
        except ProviderError as error:
            failure = error
            raise
        except asyncio.CancelledError:
            if self._deadline.expired() and not self._answer.begun:
                failure = _late(state.settings.timeout)
            raise
        finally:
            latency = None if entry.first_byte is None else entry.first_byte - began
            used = entry.used
            tokens = used.input_tokens + used.output_tokens if used else 0
            state.router.ended(deployment, failure, latency=latency, tokens=tokens)
            state.books.end(deployment, failure)


def _late(seconds: float | None) -> DeadlineError:
    message = f"the model's server did not answer within {seconds or 0:g} s"
    return DeadlineError(message, code="upstream_timeout", retryable=True)


def _check_headers(scope: Scope, max_bytes: float) -> int | None:
    """The body's length as it is declared. Refuses what can be refused before a byte of it is read."""
    if header(scope, b"content-encoding").lower() not in ("", "identity"):
        raise UnsupportedMediaError("a compressed body is not taken", hint="send it as it is")
    declared = header(scope, b"content-length")
    if not declared:
        return None
    if int(declared) > max_bytes:
        raise TooLargeError(f"the request is larger than {max_bytes / MB:g} MB", hint="send less audio")
    return int(declared)
