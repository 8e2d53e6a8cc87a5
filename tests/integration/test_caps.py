"""`audiocli caps`: what is known of a model, in a pipe, on a terminal, as JSON, as an exit code."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from audiocli.catalog import Capabilities
from audiocli.catalog.table import refreshed_path
from audiocli.cli.caps.refreshing import refresh
from audiocli.errors import InputError, ReplyError
from tests.command import audiocli, environment, error_line
from tests.servers import Exchange, Server, serve

PREVIEW = """\
gpt-4o-audio-preview
  provider   openai [1]
  mode       chat [1]
  audio in   yes [1], wav mp3 [2]
  audio out  yes [1], wav mp3 flac opus aac pcm16 [2]
  streaming  yes [1], pcm16 [2]
"""


def on_terminal(columns: int, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What `audiocli` shows on a terminal that is so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "audiocli", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"TERM": "xterm", **(env or environment())},
    ):
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # The other side has gone, which a terminal reports as an error.
    os.close(ours)
    return shown.decode()


def without_colour(shown: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()


def document(*arguments: str) -> list[dict[str, Any]]:
    result = audiocli("caps", "--json", *arguments)
    assert (result.returncode, result.stderr) == (0, b"")
    parsed = json.loads(result.stdout)
    assert parsed["schema"] == 1
    models: list[dict[str, Any]] = parsed["models"]
    return models


def test_a_pipe_gets_plain_aligned_text() -> None:
    result = audiocli("caps", "gpt-4o-audio-preview")
    text = result.stdout.decode()
    assert (result.returncode, result.stderr) == (0, b"")
    assert text.startswith(PREVIEW)
    assert "  prices     $0.024 a minute of audio in [1], $0.096 a minute of audio out [1]," in text
    assert "  ends       retires 2027-01-20, use gpt-audio-1.5 [3]\n" in text
    assert "  [2] OpenAI's API reference, and the SDK's types (openai-python 3.54)\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("columns", [60, 80, 160])
@pytest.mark.parametrize("arguments", [["gpt-4o-audio-preview", "gemini/gemini-3.8-flash-tts"], []])
def test_a_terminal_gets_a_table_of_its_width(columns: int, arguments: list[str]) -> None:
    lines = without_colour(on_terminal(columns, "caps", *arguments))
    assert all(len(line) <= columns for line in lines)
    words = " ".join(lines).split()
    assert {"gpt-4o-audio-preview", "gemini/gemini-3.8-flash-tts", "yes", "no"} <= set(words)


def test_a_narrow_terminal_leaves_room_for_the_names() -> None:
    heading, *lines = without_colour(on_terminal(40, "caps", "--provider", "azure"))
    assert heading.split() == ["MODEL", "IN", "OUT", "ENDS"]
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].startswith("azure/eu/gpt")


def test_a_wide_terminal_has_room_for_prices() -> None:
    assert "MINUTE" in on_terminal(160, "caps", "--provider", "openai")
    assert "MINUTE" not in on_terminal(80, "caps", "--provider", "openai")


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    assert "\x1b[32m" in on_terminal(80, "caps", "gpt-audio")
    assert "\x1b[3" not in on_terminal(80, "caps", "gpt-audio", env=environment(NO_COLOR="1"))
    assert "\x1b" not in on_terminal(80, "caps", "gpt-audio", env=environment(TERM="dumb"))


def test_alone_it_lists_every_model_with_audio() -> None:
    heading, *lines = audiocli("caps").stdout.decode().splitlines()
    names = [line.split()[0] for line in lines]
    assert heading.split()[:4] == ["MODEL", "MODE", "IN", "OUT"]
    assert len(names) > 700
    assert "whisper-1" in names
    assert "gpt-3.5-turbo" not in names


def test_the_list_can_be_narrowed() -> None:
    both = document("--input", "--output", "--provider", "OpenAI")
    assert {"gpt-audio-1.5", "gpt-realtime"} <= {model["id"] for model in both}
    assert all(model["audio_input"] and model["audio_output"] for model in both)
    assert all(model["provider"] == "openai" for model in both)
    assert not {"whisper-1", "tts-1"} & {model["id"] for model in both}


def test_json_has_every_fact_and_its_source() -> None:
    (preview,) = document("gpt-4o-audio-preview")
    assert (preview["audio_input"], preview["shutdown"]) == (True, "2027-01-20")
    assert preview["prices"]["audio_out"] == 80
    assert preview["output_per_minute"] == pytest.approx(0.096)
    assert preview["sources"]["voices"].startswith("OpenAI's API reference")
    (unknown,) = document("Qwen/Qwen2.5-Omni-7B")
    assert unknown["audio_output"] is None


@pytest.mark.parametrize(
    ("today", "says"), [("2027-01-19", "retires 2027-01-20"), ("2027-01-20", "retired 2027-01-20")]
)
def test_a_model_retires_on_its_day(today: str, says: str) -> None:
    model = Capabilities(id="x", shutdown="2027-01-20", successor="y")
    assert model.end(today) == f"{says}, use y"
    assert Capabilities(id="x").end(today) is None


def test_what_is_past_is_said_to_be_past() -> None:
    text = audiocli("caps", "gpt-4o-audio-preview-2024-10-01").stdout.decode()
    assert "retired 2025-10-10, use gpt-audio-1.5" in text


@pytest.mark.parametrize(
    ("model", "ability", "code"),
    [
        ("gpt-4o-audio-preview", "audio-output", 0),
        ("gpt-audio", "streaming", 0),
        ("gpt-audio", "text-input", 0),
        ("gpt-3.5-turbo", "audio-input", 3),
        ("whisper-1", "audio-output", 3),
        ("tts-1", "text-output", 3),
        ("whisper-1", "word-times", 0),
        ("gpt-transcribe", "segment-times", 3),
        ("gpt-audio", "speakers", 10),
        ("Qwen/Qwen2.5-Omni-7B", "audio-output", 10),
        ("gpt-realtime", "text-output", 10),
        ("nosuch", "audio-input", 10),
    ],
)
def test_can_answers_by_its_exit_code_alone(model: str, ability: str, code: int) -> None:
    result = audiocli("caps", model, "--can", ability)
    assert (result.returncode, result.stdout, result.stderr) == (code, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["gpt-4o-audio-previw"], 10, "did you mean gpt-4o-audio-preview"),
        (["elevenlabs/scribe_v3"], 10, "or elevenlabs/scribe_v2"),
        (["\x1b[2Jnosuch"], 10, "audiocli caps lists what it knows"),
        (["--provider", "nosuch"], 10, "no model matches"),
        (["--provider", "opnai"], 10, "no model matches; did you mean openai?"),
        (["gpt-audio", "--can", "fly"], 2, "it knows audio-input"),
        (["--can", "streaming"], 2, "name one"),
        (["gpt-audio", "tts-1", "--can", "streaming"], 2, "name one"),
        (["--from", "nonsense"], 2, "'nonsense"),
        (["--from", "http://a b"], 2, "'http://a b"),
    ],
)
def test_a_mistake_gets_one_line_and_its_exit_code(arguments: list[str], code: int, says: str) -> None:
    result = audiocli("caps", *arguments)
    assert (result.returncode, result.stdout) == (code, b"")
    assert says in error_line(result)


def test_what_is_known_is_shown_beside_what_is_not() -> None:
    result = audiocli("caps", "nosuch", "gpt-audio")
    assert result.returncode == 10
    assert result.stdout.startswith(b"gpt-audio\n")
    assert "'nosuch'" in error_line(result)


def test_an_alias_of_the_config_is_looked_up(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("model_list: [{model_name: fast, litellm_params: {model: openai/gpt-audio-mini}}]")
    result = audiocli("caps", "fast", "--config", str(config))
    assert result.stdout.startswith(b"gpt-audio-mini\n")


# A running server


def at(paths: Mapping[str, object]) -> Any:
    """A server's script: a JSON document at each of `paths`, and nothing elsewhere."""

    def answer(exchange: Exchange) -> None:
        path = exchange.head.split()[1].decode().partition("?")[0]
        if path in paths:
            exchange.reply(json.dumps(paths[path]).encode())
        else:
            exchange.reply(b'{"detail": "Not Found"}', status="404 Not Found")

    return answer


LITELLM = {
    "model_name": "fast",
    "litellm_params": {"model": "openai/gpt-audio-mini"},
    "model_info": {"mode": "chat", "supports_audio_input": None, "supports_audio_output": False},
}
GROUP = {"model_group": "fast", "providers": ["openai"], "mode": "chat", "supports_audio_input": True}
OPENROUTER = {
    "id": "vendor/voice",
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text", "audio"]},
    "supported_voices": ["ann", 7],
    "pricing": {"prompt": "0.0000025", "audio": "0.000032"},
    "context_length": 4096,
    "top_provider": {"max_completion_tokens": 512},
}
VLLM = {"id": "Qwen/Qwen2.5-Omni-7B", "object": "model", "max_model_len": 32768}


def served(server: Server, *arguments: str) -> dict[str, Any]:
    (model,) = document("--from", server.url, *arguments)
    return model


def test_a_litellm_server_says_what_it_has() -> None:
    with serve(at({"/model/info": {"data": [LITELLM, LITELLM, {"id": 3}, None]}})) as server:
        model = served(server)
    assert (model["id"], model["audio_output"], model["audio_input"]) == ("fast", False, True)
    assert model["sources"]["audio_output"] == "the server"
    assert model["prices"]["text_in"] is None


def test_a_server_of_model_groups() -> None:
    with serve(at({"/model_group/info": {"data": [GROUP]}})) as server:
        assert (served(server)["provider"], served(server)["audio_input"]) == ("openai", True)


def test_openrouters_modalities_are_read() -> None:
    with serve(at({"/api/v1/models": {"data": [OPENROUTER]}})) as server:
        (model,) = document("--from", f"{server.url}/api/v1")
    assert (model["audio_input"], model["audio_output"], model["voices"]) == (False, True, ["ann"])
    assert (model["prices"]["text_in"], model["max_input_tokens"], model["max_output_tokens"]) == (
        2.5,
        4096,
        512,
    )


def test_a_bare_list_is_filled_from_the_table() -> None:
    with serve(at({"/v1/models": {"data": [VLLM]}})) as server:
        model = served(server, "Qwen/Qwen2.5-Omni-7B")
    assert (model["audio_input"], model["audio_output"], model["max_input_tokens"]) == (True, None, 32768)


def test_a_server_gets_its_own_key_and_no_other() -> None:
    key = "sk-test-0123456789"
    with serve(at({"/v1/models": {"data": [VLLM]}})) as server, serve(at({})) as other:
        env = environment(OPENAI_API_KEY=key, OPENAI_BASE_URL=f"{server.url}/v1")
        assert audiocli("caps", "--from", server.url, env=env).returncode == 0
        assert {exchange.headers.get("authorization") for exchange in server.exchanges} == {f"Bearer {key}"}
        audiocli("caps", "--from", other.url, env=env)
        assert {exchange.headers.get("authorization") for exchange in other.exchanges} == {None}


def test_a_servers_words_cannot_drive_the_terminal() -> None:
    evil = {"id": "\x1b]0;title\x07evil\n", "architecture": {"output_modalities": ["audio"]}}
    with serve(at({"/v1/models": {"data": [evil | {"supported_voices": ["\x1b[2J"]}]}})) as server:
        shown = on_terminal(80, "caps", "--from", server.url, env=environment(NO_COLOR="1"))
        piped = audiocli("caps", "--from", server.url).stdout
    assert "]0;title" in shown
    assert "\x1b]" not in shown
    assert b"\x1b" not in piped
    assert len(piped.splitlines()) == 2


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"[" * 100_000, 7, "not JSON; check the address"),
        (b"<html>", 7, "lists no models: the service sent something that is not JSON"),
        (b"[]", 7, "in place of an object"),
        (b'{"data": 7}', 7, "lists no models"),
        (b'{"data": [{"id": 7}, 3, {"model_name": "x"}]}', 7, "lists no models"),
    ],
)
def test_a_hostile_answer_is_one_clean_error(body: bytes, code: int, says: str) -> None:
    with serve(lambda exchange: exchange.reply(body)) as server:
        result = audiocli("caps", "--from", server.url)
    assert (result.returncode, result.stdout) == (code, b"")
    assert says in error_line(result)


DENIED = b'{"error": {"message": "No api key passed in.", "type": "auth_error", "code": "401"}}'


def denies(status: str, body: bytes = DENIED) -> Any:
    return lambda exchange: exchange.reply(body, status=status)


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (
            "401 Unauthorized",
            DENIED,
            4,
            "No api key passed in. (HTTP 401); it wants a key: set OPENAI_BASE_URL",
        ),
        ("403 Forbidden", b"", 4, "(HTTP 403); it wants a key"),
        ("429 Too Many Requests", b"", 6, "(HTTP 429); try again later"),
        (
            "400 Bad Request",
            b'{"error": "No connected db."}',
            5,
            "No connected db. (HTTP 400); check its address and its key",
        ),
        ("503 Service Unavailable", b"<html>", 7, "a web page (HTTP 503)"),
        ("404 Not Found", b"<html>", 2, "has no list of models: HTTP 404; check the address"),
        ("302 Found", b"", 2, "has no list of models: HTTP 302"),
    ],
)
def test_a_server_that_refuses_is_one_clean_error(status: str, body: bytes, code: int, says: str) -> None:
    with serve(denies(status, body)) as server:
        result = audiocli("caps", "--from", server.url)
    assert (result.returncode, result.stdout) == (code, b"")
    assert says in error_line(result)
    assert repr(server.url) in error_line(result)


def test_a_key_that_is_refused_is_to_be_checked_and_is_not_shown() -> None:
    key = "sk-test-0123456789"
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {key}"}}).encode()
    with serve(denies("401 Unauthorized", body)) as server:
        env = environment(OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url)
        result = audiocli("caps", "--from", server.url, env=env)
    assert result.returncode == 4
    assert "check the API key" in error_line(result)
    assert key not in error_line(result)


def test_what_one_path_refuses_another_may_tell() -> None:
    def answer(exchange: Exchange) -> None:
        if b"/v1/models" in exchange.head:
            exchange.reply(json.dumps({"data": [VLLM]}).encode())
        else:
            exchange.reply(DENIED, status="401 Unauthorized")

    with serve(answer) as server:
        for url in (server.url, f"{server.url}/", f"{server.url}/v1", f"{server.url}/v1/models"):
            (model,) = document("--from", url)
            assert model["id"] == VLLM["id"]


def test_that_a_key_is_wanted_tells_more_than_that_nothing_is_there() -> None:
    with serve(denies("401 Unauthorized"), denies("404 Not Found", b"")) as server:
        assert audiocli("caps", "--from", server.url).returncode == 4


def test_an_empty_list_is_not_a_wrong_address() -> None:
    with serve(at({"/v1/models": {"object": "list", "data": []}})) as server:
        result = audiocli("caps", "--from", server.url)
    assert result.returncode == 7
    assert f"{server.url!r} lists no models" in error_line(result)


def test_a_server_is_asked_for_its_own_names() -> None:
    other = VLLM | {"id": "My-Own-Model"}
    with serve(at({"/v1/models": {"data": [VLLM, other]}})) as server:
        assert served(server, "my-own-model")["id"] == "My-Own-Model"
        result = audiocli("caps", "--from", server.url, "my-own-modle")
    assert result.returncode == 10
    assert "did you mean My-Own-Model?" in error_line(result)


def test_a_body_without_end_is_left() -> None:
    def flood(exchange: Exchange) -> None:
        exchange.stream(b'{"data": [', media_type="application/json")
        exchange.flood(b" " * 1_000_000)

    with serve(flood) as server:
        result = audiocli("caps", "--from", server.url)
    assert result.returncode == 2
    assert "is larger than 64 MB; check the address" in error_line(result)


def test_litellms_document_may_be_mostly_null() -> None:
    """It has 192 members for a model, of which most say nothing."""
    names = ("input_cost_per_second", "output_cost_per_second", "supports_audio_output", "max_tokens")
    info = dict.fromkeys((*names, *(f"member_{number}" for number in range(188))))
    info |= {"mode": "audio_transcription", "input_cost_per_audio_per_second": 0.0001}
    row = {"model_name": "ears", "litellm_params": {"model": "openai/never-heard-of"}, "model_info": info}
    with serve(at({"/model/info": {"data": [row]}})) as server:
        model = served(server)
    assert (model["mode"], model["input_per_minute"]) == ("transcription", 0.006)
    assert (model["audio_output"], model["max_input_tokens"]) == (None, None)


def test_a_server_that_is_not_there() -> None:
    with serve(lambda exchange: None) as server:
        pass
    result = audiocli("caps", "--from", server.url, "--json")
    assert (result.returncode, result.stdout) == (7, b"")
    assert json.loads(result.stderr)["error"]["type"] == "ConnectError"


# Newer maps


def litellm_map(count: int) -> dict[str, Any]:
    both = {"litellm_provider": "openai", "supports_audio_input": True, "supports_audio_output": True}
    models = {f"host/model-{number}": both for number in range(count)}
    return models | {"gpt-audio-1.5": both | {"max_input_tokens": 7}, "sample_spec": {"mode": "chat"}}


def test_a_newer_table_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    path = refreshed_path(tmp_path / "audiocli")
    with serve(at({"/litellm": litellm_map(600), "/models_dev": {}})) as server:
        assert refresh(path, (f"{server.url}/litellm", f"{server.url}/models_dev")) > 600
    result = audiocli("caps", "gpt-audio-1.5", "--json", env=environment(XDG_CACHE_HOME=str(tmp_path)))
    (model,) = json.loads(result.stdout)["models"]
    assert (model["max_input_tokens"], model["needs_audio"], model["source"]) == (7, True, "LiteLLM's map")


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", '{\n"gpt-audio": {"mode": "chat"', '{\n"gpt-audio": {}}\n{\n"gpt-audio": ']
)
def test_a_newer_table_that_is_damaged_is_not_used(text: str, tmp_path: Path) -> None:
    path = Path(refreshed_path(tmp_path / "audiocli"))
    path.parent.mkdir()
    path.write_text(text)
    for arguments in (["gpt-audio"], []):
        result = audiocli("caps", *arguments, env=environment(XDG_CACHE_HOME=str(tmp_path)))
        assert (result.returncode, result.stderr) == (0, b"")
        assert b"gpt-audio" in result.stdout


def refreshed(sources: Mapping[str, object], tmp_path: Path, cache: Path, *arguments: str) -> Any:
    """What `--refresh` does with a config that names a server of these two maps."""
    config = tmp_path / "config.yaml"
    with serve(at(sources)) as server:
        maps = [f"{server.url}/litellm", f"{server.url}/models_dev"]
        config.write_text(json.dumps({"capabilities_sources": maps}))
        env = environment(XDG_CACHE_HOME=str(cache))
        return audiocli("caps", "--refresh", "--config", str(config), *arguments, env=env)


def test_a_refresh_says_how_many_models_it_took(tmp_path: Path) -> None:
    maps = {"/litellm": litellm_map(600), "/models_dev": {}}
    result = refreshed(maps, tmp_path, tmp_path)
    assert (result.returncode, result.stdout) == (0, b"")
    assert re.fullmatch(r"audiocli: took 6\d\d models from the public maps\n", result.stderr.decode())
    result = refreshed(maps, tmp_path, tmp_path, "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout)["models"] == []
    assert json.loads(result.stdout)["notes"][0].startswith("took 6")
    result = refreshed(maps, tmp_path, tmp_path, "host/model-1", "--can", "audio-output")
    assert (result.returncode, result.stdout) == (0, b"")


@pytest.mark.parametrize(
    ("sources", "code", "says"),
    [
        ({"/litellm": [], "/models_dev": {}}, 7, "/litellm' is no map of models: "),
        ({"/litellm": {}}, 2, "/models_dev' cannot be read: HTTP 404"),
        ({"/litellm": {}, "/models_dev": {}}, 2, "lack the models that they had; the old table is kept"),
    ],
)
def test_a_refresh_that_fails_is_one_clean_error(
    sources: Mapping[str, object], code: int, says: str, tmp_path: Path
) -> None:
    result = refreshed(sources, tmp_path, tmp_path)
    assert (result.returncode, result.stdout) == (code, b"")
    assert says in error_line(result)


def test_a_cache_that_cannot_be_written_to_is_an_error_of_the_output(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    maps = {"/litellm": litellm_map(600), "/models_dev": {}}
    result = refreshed(maps, tmp_path, tmp_path / "a-file")
    assert result.returncode == 8
    assert "cannot be made: Not a directory; the old table is kept" in error_line(result)


@pytest.mark.parametrize("litellm", [{}, litellm_map(10), [], "x"])
def test_a_broken_map_leaves_the_old_table(litellm: object, tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text("old")
    with (
        serve(at({"/litellm": litellm, "/models_dev": {}})) as server,
        pytest.raises((InputError, ReplyError)),
    ):
        refresh(str(path), (f"{server.url}/litellm", f"{server.url}/models_dev"))
    assert [file.name for file in tmp_path.iterdir()] == ["models.json"]
    assert path.read_text() == "old"


def test_prices_to_come_are_shown_with_their_date() -> None:
    shown = audiocli("caps", "gemini/gemini-3.8-flash").stdout.decode()
    if time.strftime("%Y", time.gmtime()) > "2026":
        pytest.skip("the price has changed")
    assert "$1.50 a million tokens of text in" in shown
    document = json.loads(audiocli("caps", "gemini/gemini-3.8-flash", "--json").stdout)
    (change,) = document["models"][0]["price_changes"]
    assert (change["start"], change["text_in"]) == ("2027-01-01", 1.5)


def test_tiers_cached_tokens_and_least_lengths_are_shown() -> None:
    shown = audiocli("caps", "vertex_ai/gemini-3.1-pro-preview", "groq/whisper-large-v3").stdout.decode()
    assert "above 200,000 tokens in: $4.00 a million tokens of text in" in shown
    assert "cached tokens of text in" in shown
    assert "at least 10 s a request" in shown


def test_a_model_without_audio_is_known_as_one() -> None:
    shown = audiocli("caps", "claude-sonnet-4-5").stdout.decode()
    assert re.search(r"audio in +no\b", shown)
    assert audiocli("caps", "claude-sonnet-4-5", "--can", "audio-input").returncode == 3


def test_what_can_be_asked_with_the_keys_at_hand_comes_first(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "model_list: [{model_name: mine, litellm_params: {model: openai/gpt-audio, api_key: sk-0123456789}},"
        " {model_name: shut, litellm_params: {model: openai/gpt-audio, api_key: os.environ/ABSENT}}]"
    )
    env = environment(GROQ_API_KEY="gsk-0123456789abcdef", AUDIOCLI_CONFIG=str(tmp_path / "config.yaml"))
    heading, *lines = audiocli("caps", env=env).stdout.decode().splitlines()
    names = [line.split()[0] for line in lines]
    ready = [line[heading.index("READY") :] == "yes" for line in lines]
    assert heading.endswith("READY")
    assert ready == sorted(ready, reverse=True), "those that are ready come first"
    assert names[0] == "mine"
    assert {"groq/whisper-large-v3", "echo/echo"} <= set(names[: sum(ready)])
    assert {"shut", "gpt-audio-1.5", "deepgram/nova-3"} <= set(names[sum(ready) :])
    models = json.loads(audiocli("caps", "--json", env=env).stdout)["models"]
    assert [model["ready"] for model in models] == ready


def test_colour_in_a_pipe_is_for_whoever_asks_for_it() -> None:
    assert "\x1b[32m" in audiocli("caps", "gpt-audio", "--color", "always").stdout.decode()
    assert "\x1b[32m" in audiocli("caps", "gpt-audio", env=environment(FORCE_COLOR="1")).stdout.decode()
    assert "\x1b" not in audiocli("caps", "gpt-audio").stdout.decode()
