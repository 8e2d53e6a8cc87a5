"""A model belongs to the provider that is written, wherever it is asked, and gets no other's key."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import KEY, audiocli, environment, error_line
from tests.gateway import UPSTREAM_KEY, answer, deployment, gateway, write
from tests.heard import SPEECH, says, sent
from tests.servers import serve

MISTRAL_KEY = "sk-mistral-0123456789abcdef"
VOXTRAL = "mistral/voxtral-mini-latest"
PASSWORD = "pass-word-0123"
BASIC = "Basic dXNlcjpwYXNzLXdvcmQtMDEyMw=="


@pytest.mark.parametrize(
    "keys", [{"OPENAI_API_KEY": KEY}, {"OPENAI_API_KEY": KEY, "MISTRAL_API_KEY": MISTRAL_KEY}]
)
def test_a_server_gets_the_key_and_the_dialect_of_the_provider_that_is_named(
    tmp_path: Path, keys: dict[str, str]
) -> None:
    env = environment(XDG_STATE_HOME=str(tmp_path), **keys)
    with serve(says()) as server:
        options = ("-m", VOXTRAL, "--base-url", server.url, "--speakers", "-f", "json", "-o", "-")
        result = audiocli("transcribe", str(SPEECH), *options, env=env, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (exchange,) = server.exchanges
    key = keys.get("MISTRAL_API_KEY")
    assert exchange.headers.get("authorization") == (f"Bearer {key}" if key else None)
    fields = sent(exchange).fields
    assert (fields["diarize"], fields["model"]) == (["true"], ["voxtral-mini-latest"])
    assert "response_format" not in fields


def test_a_question_to_a_server_carries_no_other_providers_key() -> None:
    env = environment(OPENAI_API_KEY=KEY, OPENAI_ORG_ID="org-1")
    with serve(answer) as server:
        result = audiocli(
            "ask", "hi", "-m", "mistral/voxtral-small-latest", "--base-url", server.url, env=env
        )
    assert result.returncode == 0, result.stderr
    (exchange,) = server.exchanges
    assert json.loads(exchange.body)["model"] == "voxtral-small-latest"
    assert KEY.encode() not in exchange.head
    assert "openai-organization" not in exchange.headers


@pytest.mark.parametrize(
    "model", [VOXTRAL, "groq/whisper-large-v3", "gemini/gemini-flash-latest", "hosted_vllm/m", "openai/m"]
)
def test_what_is_printed_names_the_provider_that_was_written(tmp_path: Path, model: str) -> None:
    config = tmp_path / "c.yaml"
    write(config, deployment("http://127.0.0.1:9/v1", model=model))
    shown = audiocli("serve", "--config", str(config), "--print-config")
    (row,) = yaml.safe_load(shown.stdout)["model_list"]
    assert row["litellm_params"]["model"] == model
    assert row["litellm_params"]["api_base"] == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("door", ["ask", "serve"])
@pytest.mark.parametrize("key", [UPSTREAM_KEY, None])
def test_a_password_in_an_api_base_is_sent_unless_there_is_a_key(
    tmp_path: Path, door: str, key: str | None
) -> None:
    with serve(answer) as server:
        row = deployment(server.url.replace("://", f"://user:{PASSWORD}@"), api_key=key, model="openai/m")
        if door == "serve":
            with gateway(tmp_path, row) as gate:
                reply = gate.ask()
                shown = reply.text + gate.log.read_text() + gate.get("/model/info").text
                assert reply.status_code == 200, reply.text
        else:
            write(tmp_path / "c.yaml", row)
            options = ("-m", "voice", "--config", "c.yaml")
            result = audiocli("ask", "hi", *options, cwd=tmp_path)
            curl = audiocli("ask", "hi", *options, "--curl", cwd=tmp_path)
            assert result.returncode == 0, result.stderr
            shown = f"{result.stdout!r}{result.stderr!r}{curl.stdout!r}{curl.stderr!r}"
    (exchange,) = server.exchanges
    assert exchange.headers["authorization"] == (f"Bearer {key}" if key else BASIC)
    assert PASSWORD not in shown
    assert BASIC.partition(" ")[2] not in shown


@pytest.mark.parametrize("asked", ["openai/voice-9", "gpt-audio-1.5", "best"])
@pytest.mark.parametrize("door", ["ask", "serve"])
def test_a_row_for_many_models_is_asked_and_nobody_else(tmp_path: Path, door: str, asked: str) -> None:
    with serve(answer) as server:
        values = {"api_base": server.url, "api_key": UPSTREAM_KEY}
        rows = [
            {"model_name": name, "litellm_params": {"model": "openai/*", "litellm_credential_name": "c"}}
            for name in ("openai/*", "gpt-*")
        ]
        sections: dict[str, Any] = {
            "credential_list": [{"credential_name": "c", "credential_values": values}],
            "router_settings": {"model_group_alias": {"best": "openai/voice-9"}},
        }
        if door == "serve":
            with gateway(tmp_path, *rows, **sections) as gate:
                assert gate.ask(asked).status_code == 200
        else:
            write(tmp_path / "c.yaml", *rows, **sections)
            env = environment(OPENAI_API_KEY=KEY)
            options = ("-m", asked, "--config", "c.yaml", "--text-only", "--force")
            result = audiocli("ask", "hi", *options, env=env, cwd=tmp_path)
            assert result.returncode == 0, result.stderr
    (exchange,) = server.exchanges
    sent_name = {"best": "voice-9", "gpt-audio-1.5": "audio-1.5"}.get(asked, asked.removeprefix("openai/"))
    assert json.loads(exchange.body)["model"] == sent_name
    assert exchange.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"


def test_a_recording_goes_where_a_row_for_many_models_says(tmp_path: Path) -> None:
    with serve(says()) as server:
        values = {"model": "openai/*", "api_base": server.url, "api_key": UPSTREAM_KEY}
        write(tmp_path / "c.yaml", {"model_name": "openai/*", "litellm_params": values})
        env = environment(OPENAI_API_KEY=KEY, XDG_STATE_HOME=str(tmp_path))
        options = ("-m", "whisper-1", "--config", "c.yaml")
        result = audiocli("transcribe", str(SPEECH), *options, env=env, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert server.exchanges[0].headers["authorization"] == f"Bearer {UPSTREAM_KEY}"


@pytest.mark.parametrize("door", ["ask", "check"])
def test_a_header_for_a_model_in_this_process_is_refused(tmp_path: Path, door: str) -> None:
    row = {"model_name": "m", "litellm_params": {"model": "echo", "headers": {"X-A": "1"}}}
    write(tmp_path / "c.yaml", row)
    command = ("ask", "hi", "-m", "m") if door == "ask" else ("serve", "--check")
    result = audiocli(*command, "--config", "c.yaml", cwd=tmp_path)
    assert result.returncode == 2
    assert "headers has no effect on echo/echo" in error_line(result)


@pytest.mark.parametrize(
    ("options", "stdin", "model"),
    [
        ((), b"", "openai/gpt-oss-120b"),
        ((), b"some text", "openai/gpt-oss-120b"),
        ((), SPEECH.read_bytes(), "local/smollm2-135m"),
        (("-a", str(SPEECH)), b"", "local/smollm2-135m"),
    ],
    ids=["words", "text", "piped", "attached"],
)
def test_with_groqs_key_alone_it_is_asked_what_it_can_answer(
    options: tuple[str, ...], stdin: bytes, model: str
) -> None:
    env = environment(GROQ_API_KEY="gsk-0123456789abcdef")
    result = audiocli("ask", "What is this?", *options, "--dry-run", stdin=stdin, env=env)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["model"] == model.removeprefix("local/")
    assert ("api.groq.com" in result.stderr.decode()) == (not model.startswith("local/"))
