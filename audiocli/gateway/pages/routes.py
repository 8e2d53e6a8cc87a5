"""The ordinary routes: what models there are, how they do, and what this is."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from audiocli.errors import AudiocliError, UsageError
from audiocli.gateway.metrics import CONTENT_TYPE
from audiocli.gateway.pages import start as page
from audiocli.gateway.pages.health import asked_about, can_serve, health_document, probe
from audiocli.gateway.pages.models import group_document, info_document, model_document, names, speaks
from audiocli.gateway.replies import MethodError, status_of
from audiocli.gateway.state import State
from audiocli.printable import quoted
from audiocli.secret import redact_key_shapes
from audiocli.wire.errors import encode_error

OPEN_PATHS = frozenset({"/", "/health/liveliness", "/health/liveness", "/health/readiness"})
"""What needs no key."""

_POSTED = frozenset({"/health/probe"})
"""What costs money. All else may be asked for by GET, and a GET is what a website sends with each image."""


def pages(state: State) -> Starlette:
    """The application for everything that is not passed on."""
    site = _Site(state)
    routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/": site.front,
        "/v1/models": site.models,
        "/models": site.models,
        "/v1/models/{id:path}": site.model,
        "/models/{id:path}": site.model,
        "/model/info": site.info,
        "/v1/model/info": site.info,
        "/model_group/info": site.groups,
        "/health/liveliness": site.alive,
        "/health/liveness": site.alive,
        "/health/readiness": site.ready,
        "/health": site.health,
        "/health/probe": site.probe,
        "/metrics": site.metrics,
    }
    if state.settings.docs:
        routes["/openapi.json"] = site.description
    application = Starlette(
        routes=[
            Route(path, answer, methods=["POST" if path in _POSTED else "GET"])
            for path, answer in routes.items()
        ],
        exception_handlers={HTTPException: _no_page, AudiocliError: _failed, Exception: _broken},
    )
    application.router.redirect_slashes = False
    return application


class _Site:
    """What the routes answer, of one `State`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._probing = asyncio.Lock()

    async def front(self, request: Request) -> Response:
        url = str(request.base_url).rstrip("/")
        keyed = self._state.settings.master_key is not None
        hidden = keyed and request.scope["audiocli.key"] is None
        shown = () if hidden else names(self._state)
        asked = next((name for name in shown if speaks(self._state.router.group(name))), page.EXAMPLE_MODEL)
        text = page.front_page(url, None if hidden else shown, asked, keyed=keyed)
        return HTMLResponse(text, headers=dict(page.HEADERS))

    async def models(self, request: Request) -> Response:
        router = self._state.router
        data = [model_document(name, router.group(name)) for name in names(self._state)]
        return _json({"object": "list", "data": data})

    async def model(self, request: Request) -> Response:
        name = request.path_params["id"]
        return _json(model_document(name, self._state.router.group(name)))

    async def info(self, request: Request) -> Response:
        return _json({"data": [info_document(each) for each in self._state.router.deployments]})

    async def groups(self, request: Request) -> Response:
        wanted = request.query_params.get("model_group")
        shown = [name for name in names(self._state) if wanted in (None, name)]
        return _json({"data": [group_document(name, self._state.router.group(name)) for name in shown]})

    async def alive(self, request: Request) -> Response:
        return _json("I'm alive!")

    async def ready(self, request: Request) -> Response:
        if self._state.condition.draining:
            return _json({"status": "draining"}, 503)
        if not can_serve(self._state):
            return _json({"status": "nothing can be served"}, 503)
        return _json({"status": "healthy"})

    async def health(self, request: Request) -> Response:
        if request.query_params.get("probe", "false").lower() not in ("false", "0"):
            hint = "a probe costs money: POST /health/probe"
            raise MethodError(request.method, allowed="", hint=hint)
        deployments = asked_about(self._state, request.query_params.get("model"))
        return _json(health_document(self._state, deployments))

    async def probe(self, request: Request) -> Response:
        deployments = asked_about(self._state, request.query_params.get("model"))
        async with self._probing:
            faults = await probe(self._state, deployments)
        return _json(health_document(self._state, deployments, faults))

    async def metrics(self, request: Request) -> Response:
        metrics, router = self._state.metrics, self._state.router
        metrics.cooling.clear()  # of deployments that the config has no more
        for each in router.deployments:
            metrics.cooling.labels(each.group, each.id).set(router.is_cooling(each))
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    async def description(self, request: Request) -> Response:
        from audiocli.gateway.pages.openapi import DOCUMENT

        return _json(DOCUMENT)


def _json(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A config may have dates in it, and a key where none belongs."""
    text = redact_key_shapes(json.dumps(document, default=str))
    return Response(text, status, headers, media_type="application/json")


# What goes wrong


class _PageError(UsageError):
    """There is no such page."""

    http_status = 404


async def _no_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for them
    if error.status_code == 404:
        return await _failed(
            request, _PageError(f"no such path: {quoted(request.url.path)}", hint="GET / lists the routes")
        )
    return await _failed(request, MethodError(request.method, allowed=(error.headers or {})["Allow"]))


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, AudiocliError)  # noqa: S101 - it is registered for them
    headers = {"allow": error.allowed} if isinstance(error, MethodError) else None
    return _json(encode_error(error), status_of(error), headers)


async def _broken(request: Request, error: Exception) -> Response:
    return _json(encode_error(AudiocliError("internal error of the gateway")), 500)
