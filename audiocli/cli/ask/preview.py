"""A request, shown in place of being sent: as JSON to read, as a curl line to run."""

import json
import shlex
from typing import Any

import pybase64

from audiocli.audio.reading.source import FileSource
from audiocli.chat import AudioSource, ChatRequest
from audiocli.printable import escaped
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.openai.chat import request_headers
from audiocli.providers.registry import document, url
from audiocli.providers.target import Target
from audiocli.wire.json import base64_length, segments

SHOWN_BYTES = 18  # of audio: 24 characters of base64


def as_json(request: ChatRequest, target: Target) -> str:
    """The body that would be sent, its base64 cut short."""
    body = _shortened(document(target, request))
    return escaped(json.dumps(body, indent=2, ensure_ascii=False))


def as_curl(request: ChatRequest, target: Target) -> str:
    """A line for a shell that sends the request. The key stays in its variable, and files on disk.

    Raises `UsageError` for a model that is not on a server.
    """
    place = url(target, "chat")
    body = segments(document(target, request))
    keyed = target.endpoint.api_key is not None or target.key_variable is not None
    command = ["curl", "-sS", "--fail-with-body", *_curl_headers(request, target.endpoint, keyed=keyed)]
    sent = " ".join([*command, shlex.quote(place)])
    match body:
        case [bytes(only)]:
            return f"{sent} --data-binary {shlex.quote(only.decode())}"
    # The body goes through a pipe: one argument of a program holds no more than 128 kB.
    pieces = "; ".join(_printed(piece) for piece in body)
    return f"{{ {pieces}; }} | {sent} --data-binary @-"


def _curl_headers(request: ChatRequest, endpoint: Endpoint, *, keyed: bool) -> list[str]:
    unauthorized = Endpoint(endpoint.base_url, None, endpoint.headers)
    headers = [f"{name}: {value}" for name, value in request_headers(unauthorized, request).items()]
    quoted = [
        shlex.quote(header) for header in headers if not header.startswith(("Accept-Encoding", "User-Agent"))
    ]
    if keyed:
        credentials = endpoint.credentials_of(f"${endpoint.key_variable}")
        quoted += [f'"{name}: {value}"' for name, value in credentials.items()]
    login = [] if keyed or endpoint.login is None else ["-u", '"$USER_AND_PASSWORD"']
    return [*login, *(argument for header in quoted for argument in ("-H", header))]


def _printed(piece: bytes | AudioSource) -> str:
    match piece:
        case bytes():
            return f"printf %s {shlex.quote(piece.decode())}"
        case FileSource(path):
            return f"base64 < {shlex.quote(path)} | tr -d '\\n'"
    with piece.open() as file:  # made from something else: there is no file that holds it
        return f"printf %s {pybase64.b64encode(file.read()).decode('ascii')}"


def _shortened(value: Any) -> Any:
    match value:
        case dict():
            return {name: _shortened(member) for name, member in value.items()}
        case list():
            return [_shortened(member) for member in value]
        case str() | int() | float() | None:
            return value
    with value.open() as file:
        start = pybase64.b64encode(file.read(SHOWN_BYTES)).decode("ascii")
    return f"{start}… ({base64_length(value.size):,} characters)"
