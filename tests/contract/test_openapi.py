"""The gateway answers as its OpenAPI document says, whatever Schemathesis makes of that document."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command import environment
from tests.gateway import Gateway, answer, chunk, chunked, deployment, gateway
from tests.servers import Exchange, serve

KEY = "sk-client-0123456789abcdefghij"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
ECHO: dict[str, Any] = {"model_name": "*", "litellm_params": {"model": "echo"}}


def reply(exchange: Exchange) -> None:
    if "transfer-encoding" in exchange.headers:
        exchange.body = chunked(exchange)
    path = exchange.head.split(b" ")[1]
    if path.endswith(b"/speech"):
        exchange.reply(b"ID3" + bytes(500), media_type="audio/mpeg", Connection="close")
    elif b"/audio/" in path:
        answer(exchange, {"text": "Hello."})
    elif b'"stream_options"' in exchange.body:
        exchange.stream(chunk({"role": "assistant", "content": "Hi"}), b"data: [DONE]\n\n")
    else:
        answer(exchange)


@pytest.fixture(scope="module", params=["relayed", "answered here"])
def described(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with serve(reply) as server:
        row = deployment(server.url, "*", model="openai/*") if request.param == "relayed" else ECHO
        with gateway(folder, row, options=["--docs"], general_settings={"master_key": KEY}) as own:
            yield own


def test_it_does_what_its_document_says(described: Gateway, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{described.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {KEY}", "--checks", ",".join(CHECKS)]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "10", "--seed", "1", "--no-color"]
    result = subprocess.run(
        command, capture_output=True, timeout=120, check=False, env=environment(), cwd=tmp_path
    )
    assert result.returncode == 0, result.stdout.decode()[-5000:]
    assert b" passed" in result.stdout


def test_the_document_needs_the_key(described: Gateway) -> None:
    assert httpx.get(f"{described.url}/openapi.json").status_code == 401
