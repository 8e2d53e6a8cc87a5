"""What a config says of a deployment holds for `ask` and `transcribe` as it does for a gateway."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command import KEY, audiocli, environment, error_line
from tests.gateway import answer, refuse
from tests.heard import SPEECH, says, sent
from tests.servers import Exchange, Server, serve

OTHER = "sk-other-0123456789abcdefghij"


def ask(
    folder: Path, row: dict[str, Any], *arguments: str, **sections: Any
) -> "subprocess.CompletedProcess[bytes]":
    return run(folder, row, "ask", "hi", *arguments, **sections)


def run(
    folder: Path, row: dict[str, Any], command: str, what: str, *arguments: str, **sections: Any
) -> "subprocess.CompletedProcess[bytes]":
    rows = [{"model_name": "mine", "litellm_params": row}]
    (folder / "own.yaml").write_text(json.dumps({"model_list": rows, **sections}))
    env = environment(OPENAI_API_KEY=KEY, XDG_STATE_HOME=str(folder / "state"))
    return audiocli(command, what, "-m", "mine", "--config", "own.yaml", *arguments, env=env, cwd=folder)


def row(server: Server, **params: Any) -> dict[str, Any]:
    return {"model": "openai/m", "api_base": server.url, **params}


def body(server: Server) -> Any:
    (exchange,) = server.exchanges
    return json.loads(exchange.body)


def test_the_server_that_a_credential_names_is_asked_with_its_key(tmp_path: Path) -> None:
    with serve(answer) as server:
        credential = {"credential_name": "c", "credential_values": {"api_base": server.url, "api_key": OTHER}}
        params = {"model": "openai/gpt-4o", "litellm_credential_name": "c"}
        result = ask(tmp_path, params, credential_list=[credential])
    assert result.returncode == 0, result.stderr
    assert server.exchanges[0].headers["authorization"] == f"Bearer {OTHER}"


def test_a_credential_that_is_not_there_is_an_error_and_nothing_is_sent(tmp_path: Path) -> None:
    result = ask(tmp_path, {"model": "openai/gpt-audio", "litellm_credential_name": "c"})
    assert result.returncode == 2
    assert "line 1: there is no credential 'c'" in error_line(result)


def test_a_row_adds_what_the_command_line_does_not_say(tmp_path: Path) -> None:
    with serve(answer) as server:
        extra = {"vendor": {"deep": [1]}, "max_tokens": 9}
        params = row(
            server, temperature=0.2, seed=7, extra_body=extra, headers={"X-A": "1"}, organization="org-1"
        )
        options = ("--temperature", "0.9", "--max-tokens", "5", "--no-stream")
        result = ask(tmp_path, params, *options)
    assert result.returncode == 0, result.stderr
    got = body(server)
    assert (got["temperature"], got["seed"], got["vendor"]) == (0.9, 7, {"deep": [1]})
    assert [got[name] for name in ("max_tokens", "max_completion_tokens") if name in got] == [5]
    assert server.exchanges[0].headers["x-a"] == "1"
    assert server.exchanges[0].headers["openai-organization"] == "org-1"


def test_a_row_leaves_out_what_it_names_and_what_is_litellms(tmp_path: Path) -> None:
    with serve(answer) as server:
        params = row(
            server, additional_drop_params=["seed"], tags=["a"], cache=True, metadata={"a": 1}, rpm=3
        )
        result = ask(tmp_path, params, "--seed", "4", "--no-stream")
    assert result.returncode == 0, result.stderr
    assert body(server).keys() == {"model", "messages"}


def test_what_is_shown_is_what_would_be_sent(tmp_path: Path) -> None:
    with serve(answer) as server:
        shown = json.loads(ask(tmp_path, row(server, seed=7), "--dry-run", "-q").stdout)
        assert ask(tmp_path, row(server, seed=7)).returncode == 0
    assert shown == body(server)
    assert shown["seed"] == 7


def test_a_recording_is_sent_with_a_rows_members(tmp_path: Path) -> None:
    with serve(says()) as server:
        params = row(
            server, model="openai/whisper-1", language="de", temperature=0.1, extra_body={"vad": True}
        )
        result = run(tmp_path, params, "transcribe", str(SPEECH), "-l", "en")
    assert result.returncode == 0, result.stderr
    fields = sent(server.exchanges[0]).fields
    assert (fields["language"], fields["temperature"], fields["vad"]) == (["en"], ["0.1"], ["true"])


COMMANDS = [("ask", "hi"), ("transcribe", str(SPEECH))]


@pytest.mark.parametrize(("command", "what"), COMMANDS, ids=["ask", "transcribe"])
@pytest.mark.parametrize("place", ["row", "router_settings", "litellm_settings"])
def test_retries_of_the_config_hold_and_the_command_line_stands_above(
    tmp_path: Path, command: str, what: str, place: str
) -> None:
    def busy(exchange: Exchange) -> None:
        refuse(exchange, "503 Service Unavailable", Retry_After="0")

    own = {"num_retries": 1} if place == "row" else {}
    sections = {} if place == "row" else {place: {"num_retries": 1}}
    for options, tries in (((), 2), (("--retries", "0"), 1)):
        with serve(busy) as server:
            params = row(server, model="openai/whisper-1" if command == "transcribe" else "openai/m", **own)
            assert run(tmp_path, params, command, what, *options, **sections).returncode == 7
        assert len(server.exchanges) == tries


@pytest.mark.parametrize(("command", "what"), COMMANDS, ids=["ask", "transcribe"])
def test_the_timeout_of_the_config_holds(tmp_path: Path, command: str, what: str) -> None:
    def silent(exchange: Exchange) -> None:
        exchange.hold()

    with serve(silent) as server:
        params = row(server, model="openai/whisper-1" if command == "transcribe" else "openai/m", timeout=0.7)
        began = time.monotonic()
        result = run(tmp_path, params, command, what)
    assert result.returncode == 7
    assert "0.7 s" in error_line(result)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("seconds", [".nan", "nan", "soon", "-1", "1e400", ".inf"])
def test_a_timeout_that_is_no_number_is_refused(tmp_path: Path, seconds: str) -> None:
    text = f"model_list:\n- model_name: m\n  litellm_params: {{model: openai/m, timeout: {seconds}}}\n"
    (tmp_path / "own.yaml").write_text(text)
    result = audiocli("ask", "hi", "-m", "m", "--config", "own.yaml", cwd=tmp_path)
    assert result.returncode == 2
    assert "line 3: " in error_line(result)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ssl_verify", False),
        ("azure_ad_token", "t"),
        ("use_litellm_proxy", True),
        ("supports_system_message", False),
    ],
)
def test_what_cannot_be_honoured_is_refused_where_it_is_used(tmp_path: Path, name: str, value: Any) -> None:
    with serve(answer) as server:
        result = ask(tmp_path, row(server, **{name: value}))
        assert result.returncode == 2
        assert f"line 1: {name} is not supported" in error_line(result)
        assert not server.exchanges
        accepted = ask(tmp_path, row(server, **{name: value}), audiocli_settings={"ignore": [name]})
        assert accepted.returncode == 0, accepted.stderr


def test_a_misspelt_key_is_not_sent(tmp_path: Path) -> None:
    with serve(answer) as server:
        result = ask(tmp_path, row(server, api_kee=OTHER))
    assert "unknown key 'api_kee' in litellm_params; did you mean api_key?" in error_line(result)
    assert OTHER.encode() not in result.stderr
    assert not server.exchanges


def test_a_mock_response_asks_nobody(tmp_path: Path) -> None:
    with serve(answer) as server:
        result = ask(tmp_path, row(server, mock_response="Mocked."))
    assert (result.returncode, result.stdout) == (0, b"Mocked.\n"), result.stderr
    assert not server.connections


def test_variables_of_the_config_are_variables(tmp_path: Path) -> None:
    with serve(answer) as server:
        params = {"model": "openai/m", "api_base": "os.environ/PLACE", "api_key": "os.environ/OWN_KEY"}
        result = ask(tmp_path, params, environment_variables={"PLACE": server.url, "OWN_KEY": OTHER})
    assert result.returncode == 0, result.stderr
    assert server.exchanges[0].headers["authorization"] == f"Bearer {OTHER}"
