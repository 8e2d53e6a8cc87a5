"""Java's own client, which asks for HTTP/2 with every first request on a plain connection, is answered."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.gateway import COMPLETION, MODEL, answer, deployment, gateway
from tests.servers import serve

pytestmark = pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler is installed")

KEY = "sk-client-0123456789abcdefghij"
ASKED = "Hi — é"
CLIENT = Path(__file__).parent / "clients" / "Client.java"


def test_requests_with_a_body_of_known_and_of_unknown_length_are_answered(tmp_path: Path) -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": ASKED}]}
    with serve(answer) as service:
        row = deployment(service.url, MODEL)
        with gateway(tmp_path, row, general_settings={"master_key": KEY}) as own:
            command = ["java", str(CLIENT), f"{own.url}/v1", KEY, json.dumps(chat, ensure_ascii=False)]
            result = subprocess.run(command, capture_output=True, timeout=60, check=True)
    lines = result.stdout.decode().splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["200"] * 4
    assert [json.loads(line.partition(" ")[2]) for line in lines] == [COMPLETION] * 4
    assert [ASKED.encode() in each.body for each in service.exchanges] == [True] * 4
