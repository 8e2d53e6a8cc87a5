"""The gateway as one ASGI application: exact paths lead to what answers them, and nothing else does."""

import re
from collections.abc import Awaitable, Callable, Mapping

from audiocli.errors import AudiocliError
from audiocli.gateway.auth import gatekeeper
from audiocli.gateway.booking import Entry
from audiocli.gateway.incoming import Message, Receive, Scope, Send
from audiocli.gateway.pages.routes import OPEN_PATHS, pages
from audiocli.gateway.relay import Relay, Understand
from audiocli.gateway.replies import MethodError, send_error
from audiocli.gateway.requests import SPEECH, FormRequest, JsonRequest
from audiocli.gateway.state import State

App = Callable[[Scope, Receive, Send], Awaitable[None]]

RELAYED: Mapping[str, Understand] = {
    "chat/completions": JsonRequest,
    SPEECH: JsonRequest,
    "audio/transcriptions": FormRequest,
    "audio/translations": FormRequest,
}
"""What is passed on, below `/`, `/v1`, and the paths that name a model."""

_NAMING = re.compile(r"(?:/v1)?/(?:engines|openai/deployments)/(?P<model>.{1,200}?)(?P<path>/[a-z]+/[a-z]+)")
_OTHER = "other"  # the route of what is not relayed
_SHOWN_PATH = 100  # characters


class Gateway:
    """Answers every request by one `State`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._gatekeeper = gatekeeper(state.settings.master_key, state.settings.allowed_hosts)
        relays = {path: Relay(state, kind, path) for path, kind in RELAYED.items()}
        self._relays = {f"{below}/{path}": relay for path, relay in relays.items() for below in ("", "/v1")}
        self._pages = pages(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] = scope["path"].removesuffix("/") or "/"
        relay = self._relays.get(path)
        if relay is None and (named := _NAMING.fullmatch(path)):
            relay = self._relays.get(named["path"])
            scope["path_params"] = {"model": named["model"]}
        try:
            scope["audiocli.key"] = self._gatekeeper.check(scope, keyless=path in OPEN_PATHS)
            if relay is not None and scope["method"] != "POST":
                raise MethodError(scope["method"], allowed="POST")
        except AudiocliError as error:
            await self._refuse(scope, send, error)
            return
        await (relay or self._page)(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is not relayed has a line in the log where it went wrong."""
        entry = Entry(route=_OTHER, path=scope["path"][:_SHOWN_PATH], key=scope.get("audiocli.key"), status=0)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", entry.id.encode())]
            await send(message)

        await self._pages(scope, receive, named)
        if entry.status >= 400:
            self.state.books.close(entry)

    async def _refuse(self, scope: Scope, send: Send, error: AudiocliError) -> None:
        entry = Entry(route=_OTHER, path=scope["path"][:_SHOWN_PATH])
        entry.failed(error)
        own = [(b"x-request-id", entry.id.encode()), (b"connection", b"close")]
        if isinstance(error, MethodError):
            own.append((b"allow", error.allowed.encode()))
        entry.status = await send_error(send, error, own)
        self.state.books.close(entry)
