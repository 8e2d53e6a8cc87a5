"""A provider with a wire of its own is reached through every door, by its row alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import audiocli
from audiocli.errors import CapabilityError
from audiocli.providers.hosts import HOSTS
from tests.command import KEY, TIMEOUT_SECONDS, environment, error_line
from tests.example_provider import KEY_VARIABLE, NAME, enter
from tests.servers import Exchange, Server, serve

ROOT = Path(__file__).parents[2]
MODEL = f"{NAME}/polly"
LINES = b'{"word": "Pretty "}\n{"word": "Polly."}\n{"end": {"heard": 7, "spoken": 2}}\n'
HELLO = str(ROOT / "samples" / "hello.wav")


def parrot(exchange: Exchange) -> None:
    exchange.reply(LINES, media_type="application/x-ndjson", Connection="close")


def command(server: Server, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    known = {"EXAMPLE_URL": server.url, KEY_VARIABLE: KEY, **variables}
    return subprocess.run(
        [sys.executable, "-m", "tests.example_provider", *arguments],
        cwd=ROOT,
        env=environment(**known),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
    )


@contextmanager
def gateway(server: Server, folder: Path) -> Iterator[str]:
    """The address of a gateway with a row for the model at `server`."""
    row = {"model": MODEL, "api_base": server.url, "api_key": KEY}
    config = folder / "config.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": "bird", "litellm_params": row}]}))
    arguments = ("serve", "--config", str(config), "--port", "0", "--json")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.example_provider", *arguments],
        cwd=ROOT,
        env=environment(EXAMPLE_URL="http://127.0.0.1:9"),
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def asked(server: Server) -> dict[str, Any]:
    (exchange,) = server.exchanges
    assert exchange.head.startswith(b"POST /say/polly ")
    assert exchange.headers["x-parrot-key"] == KEY
    assert "authorization" not in exchange.headers
    document: dict[str, Any] = json.loads(exchange.body)
    return document


# Commands


def test_ask_reaches_it() -> None:
    with serve(parrot) as server:
        result = command(server, "ask", "Who is pretty?", "-m", MODEL, "--max-tokens", "9")
        assert asked(server) == {"turns": [{"who": "user", "said": ["Who is pretty?"]}], "most_words": 9}
    assert (result.returncode, result.stdout) == (0, b"Pretty Polly.\n"), result.stderr


def test_ask_sends_it_a_recording() -> None:
    with serve(parrot) as server:
        result = command(server, "ask", "-a", HELLO, "-m", MODEL)
        ((sound,),) = [turn["said"] for turn in asked(server)["turns"]]
    assert result.returncode == 0, result.stderr
    assert (sound["kind"], sound["sound"][:5]) == ("wav", "UklGR")


def test_ask_shows_what_it_would_be_sent() -> None:
    with serve(parrot) as server:
        shown = command(server, "ask", "Hi.", "-m", MODEL, "--dry-run")
        line = command(server, "ask", "Hi.", "-m", MODEL, "--curl")
        assert server.exchanges == []
    assert json.loads(shown.stdout) == {"turns": [{"who": "user", "said": ["Hi."]}]}
    assert f"{server.url}/say/polly" in shown.stderr.decode()
    assert f"X-Parrot-Key: ${KEY_VARIABLE}" in line.stdout.decode()
    assert f"{server.url}/say/polly" in line.stdout.decode()


def test_ask_names_the_variable_of_its_key() -> None:
    with serve(parrot) as server:
        result = command(server, "ask", "Hi.", "-m", MODEL, EXAMPLE_API_KEY="")
        assert server.exchanges == []
    assert result.returncode == 4
    assert KEY_VARIABLE in error_line(result)


def test_transcribe_reaches_it() -> None:
    with serve(parrot) as server:
        result = command(server, "transcribe", HELLO, "-m", MODEL)
        (turn,) = asked(server)["turns"]
    assert (result.returncode, result.stdout) == (0, b"Pretty Polly.\n"), result.stderr
    assert [type(part) for part in turn["said"]] == [str, dict]


# The library


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with serve(parrot) as server:
        enter(server.url)
        yield server
    del HOSTS[NAME]


def test_the_library_reaches_it(entered: Server) -> None:
    assert audiocli.ask("Who?", model=MODEL).text == "Pretty Polly."
    assert asked(entered)["turns"] == [{"who": "user", "said": ["Who?"]}]


def test_the_library_transcribes_by_it(entered: Server) -> None:
    assert audiocli.transcribe(HELLO, model=MODEL).text == "Pretty Polly."
    assert asked(entered)["turns"]


def test_the_library_has_its_refusals(entered: Server) -> None:
    with pytest.raises(CapabilityError, match="tools"):
        audiocli.completion(MODEL, [{"role": "user", "content": "Hi."}], tools=[])
    assert entered.exchanges == []


# The gateway


def test_the_gateway_answers_chats_by_it(tmp_path: Path) -> None:
    question = {"model": "bird", "messages": [{"role": "user", "content": "Who?"}]}
    with serve(parrot) as server, gateway(server, tmp_path) as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=question, timeout=30).json()
        assert asked(server) == {"turns": [{"who": "user", "said": ["Who?"]}]}
    assert answer["choices"][0]["message"]["content"] == "Pretty Polly."
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (7, 2)


def test_the_gateway_streams_chats_by_it(tmp_path: Path) -> None:
    question = {"model": "bird", "messages": [{"role": "user", "content": "Who?"}], "stream": True}
    with serve(parrot) as server, gateway(server, tmp_path) as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=question, timeout=30).text
    chunks = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: {")]
    words = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks]
    assert "".join(words) == "Pretty Polly."
    assert answer.endswith("data: [DONE]\n\n")


def test_the_gateway_transcribes_by_it(tmp_path: Path) -> None:
    with serve(parrot) as server, gateway(server, tmp_path) as url, Path(HELLO).open("rb") as file:
        answer = httpx.post(
            f"{url}/v1/audio/transcriptions", data={"model": "bird"}, files={"file": file}, timeout=30
        )
        assert asked(server)["turns"]
    assert answer.json()["text"] == "Pretty Polly."


def test_the_gateway_probes_it_by_its_wire(tmp_path: Path) -> None:
    with serve(parrot) as server, gateway(server, tmp_path) as url:
        told = httpx.post(f"{url}/health/probe", timeout=30).json()
        assert asked(server)["most_words"] == 1
    assert (told["healthy_count"], told["unhealthy_count"]) == (1, 0)


def test_the_gateway_tells_its_errors_without_the_key(tmp_path: Path) -> None:
    def refuse(exchange: Exchange) -> None:
        said = json.dumps({"error": {"message": f"no seed for {KEY}"}}).encode()
        exchange.reply(said, status="400 Bad Request", Connection="close")

    question = {"model": "bird", "messages": [{"role": "user", "content": "Who?"}]}
    with serve(refuse) as server, gateway(server, tmp_path) as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=question, timeout=30)
    assert answer.status_code == 400
    assert "no seed for" in answer.json()["error"]["message"]
    assert KEY not in answer.text


def test_a_check_of_a_config_tells_where_it_is_asked(tmp_path: Path) -> None:
    row = {"model": MODEL, "api_base": "http://127.0.0.1:9/v9", "api_key": KEY}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"model_list": [{"model_name": "bird", "litellm_params": row}]}))
    with serve(parrot) as server:
        result = command(server, "serve", "--check", "--config", str(config))
    assert result.returncode == 0, result.stderr
    assert f"bird: {MODEL}, http://127.0.0.1:9/v9/say/polly" in result.stdout.decode()
