"""`serve --check` tells all that is wrong with a config, and, if nothing is, what would be served."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.command import audiocli, environment

KEYS = {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "MISTRAL_API_KEY": "sk-mistral-0123456789abcdef"}


def check(folder: Path, text: str, *options: str) -> "subprocess.CompletedProcess[bytes]":
    (folder / "c.yaml").write_text(text)
    arguments = ("serve", "--config", "c.yaml", "--check", *options)
    return audiocli(*arguments, env=environment(**KEYS), cwd=folder)


FAULTY = """\
model_list:
  - model_name: a
    litellm_params: {model: openai/m, api_kee: sk-secret-0123456789, timeout: soon, tempratur: 1}
  - {model_name: b}
  - model_name: c
    litellm_params:
      model: openai/m
      timeout: soon
      rpm: many
      api_key: os.environ/NOT_SET
  - 17
  - {model_name: d, litellm_params: {model: openai/m, guardrails: [x]}}
  - {model_name: e, litellm_params: {model: elsewhere/m}}
  - {model_name: e, litellm_params: {model: azure/m}}
router_settings:
  num_retries: many
  fallbacks: [{c: [nobody]}]
  routing_strategy: by-moon
general_settings:
  master_key: ""
  max_budgt: 1
audiocli_settings:
  max_body_mb: 0
  keepalive_secnds: 1
nonsense: 1
"""
EXPECTED = [
    ("line 3", "api_kee"),
    ("line 3", "tempratur"),
    ("line 4", "lacks"),
    ("line 8", "timeout must be a number"),
    ("line 9", "rpm must be a number"),
    ("line 10", "NOT_SET"),
    ("line 1", "a row is not a mapping"),
    ("line 12", "guardrails"),
    ("line 13", "elsewhere/m"),
    ("line 14", "azure/m"),
    ("line 16", "num_retries must be"),
    ("line 17", "nobody"),
    ("line 18", "by-moon"),
    ("line 20", "the master key"),
    ("line 21", "max_budgt"),
    ("line 23", "max_body_mb must be"),
    ("line 24", "keepalive_secnds"),
    ("line 25", "nonsense"),
]


def test_all_that_is_wrong_is_told_each_with_its_line(tmp_path: Path) -> None:
    result = check(tmp_path, FAULTY)
    assert (result.returncode, result.stdout) == (2, b"")
    lines = result.stderr.decode().splitlines()
    for where, what in EXPECTED:
        number = re.compile(rf"{where}\b")
        assert [line for line in lines if number.search(line) and what in line], (where, what, lines)
    assert len(lines) == len(set(lines))
    assert not [line for line in lines if "no model 'c'" in line or "did you mean elsewhere/m" in line]
    assert "sk-secret" not in result.stderr.decode()

    document = json.loads(check(tmp_path, FAULTY, "--json").stderr)
    assert len(document["error"]["further"]) >= len(EXPECTED) - 1


def test_what_is_wrong_for_a_check_is_wrong_for_a_gateway_that_starts(tmp_path: Path) -> None:
    checked = check(tmp_path, FAULTY)
    arguments = ("serve", "--config", "c.yaml", "--port", "0")
    started = audiocli(*arguments, env=environment(**KEYS), cwd=tmp_path)
    assert (started.returncode, started.stderr) == (2, checked.stderr)


SERVED: dict[str, tuple[dict[str, Any], str]] = {
    "voice": (
        {"model": "openai/gpt-audio-1.5"},
        "openai/gpt-audio-1.5, https://api.openai.com/v1/chat/completions",
    ),
    "write": (
        {"model": "mistral/voxtral-mini-latest", "api_base": "http://me:pass-word@nas.local/v1/?k=secret"},
        "mistral/voxtral-mini-latest, http://nas.local/v1/audio/transcriptions?k=***",
    ),
    "read": ({"model": "openai/tts-1"}, "openai/tts-1, https://api.openai.com/v1/audio/speech"),
    "many/*": ({"model": "openai/*"}, "openai/*, https://api.openai.com/v1"),
    "here": ({"model": "echo"}, "echo/echo, in this process"),
    "fake": ({"model": "openai/m", "mock_response": "Hi"}, "openai/m, in this process (mock_response)"),
    "odd": (
        {"model": "openai/gpt-adio-1.5"},
        "openai/gpt-adio-1.5, https://api.openai.com/v1/chat/completions (unknown model)",
    ),
    "gone": (
        {"model": "openai/gpt-audio-mini-2025-10-06"},
        "openai/gpt-audio-mini-2025-10-06, https://api.openai.com/v1/chat/completions (retired 2026-07-23",
    ),
    "azure": (
        {
            "model": "azure/mine",
            "api_base": "https://x.openai.azure.com",
            "api_version": "v1",
            "api_key": "k",
        },
        "azure/mine, https://x.openai.azure.com/openai/v1/chat/completions",
    ),
}


def test_what_would_be_served_is_shown_with_the_address_that_is_asked(tmp_path: Path) -> None:
    rows = [{"model_name": name, "litellm_params": params} for name, (params, _) in SERVED.items()]
    text = json.dumps({"model_list": rows, "router_settings": {"model_group_alias": {"speak": "voice"}}})
    result = check(tmp_path, text)
    assert result.returncode == 0, result.stderr
    *lines, alias = result.stdout.decode().splitlines()
    for line, (name, (_, shown)) in zip(lines, SERVED.items(), strict=True):
        assert line.startswith(f"{name}: {shown}")
    assert alias == "speak: another name of voice"
    said = result.stderr.decode()
    assert "openai/gpt-audio-mini-2025-10-06 retired 2026-07-23" in said
    assert "unknown model 'openai/gpt-adio-1.5'; did you mean openai/gpt-audio-1.5?" in said
    assert "openai/tts-1 retires 2027-01-06\n" in said  # Its successor is a model for live talk.
    assert len(said.splitlines()) == 3
    for secret in ("pass-word", "secret", "sk-"):
        assert secret not in result.stdout.decode() + said

    told = json.loads(check(tmp_path, text, "--json").stdout)
    assert [row["model_name"] for row in told["deployments"]] == list(SERVED)
    assert told["deployments"][1]["url"] == "http://nas.local/v1/audio/transcriptions?k=***"


def test_a_model_that_is_told_of_by_its_base_is_not_unknown(tmp_path: Path) -> None:
    row = {"model": "openai/ours-7", "base_model": "gpt-audio-1.5"}
    result = check(tmp_path, json.dumps({"model_list": [{"model_name": "a", "litellm_params": row}]}))
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_host_that_would_not_be_served_is_refused(tmp_path: Path) -> None:
    text = "model_list: [{model_name: a, litellm_params: {model: echo}}]"
    assert check(tmp_path, text, "--host", "0.0.0.0").returncode == 2
    keyed = f"{text}\ngeneral_settings: {{master_key: sk-master-0123456789abc}}"
    assert check(tmp_path, keyed, "--host", "0.0.0.0").returncode == 0


def test_the_names_of_the_users_own_config_are_not_the_gateways(tmp_path: Path) -> None:
    own = tmp_path / ".config" / "audiocli"
    own.mkdir(parents=True)
    row = {"model": "openai/theirs", "api_base": "http://127.0.0.1:9/v1"}
    rows = [{"model_name": "openai/*", "litellm_params": row}]
    (own / "config.yaml").write_text(
        json.dumps({"model_list": rows, "router_settings": {"model_group_alias": {"openai/m": "openai/n"}}})
    )
    (tmp_path / "c.yaml").write_text("model_list: [{model_name: a, litellm_params: {model: openai/m}}]")
    env = environment(HOME=str(tmp_path), **KEYS)
    result = audiocli("serve", "--config", "c.yaml", "--check", env=env, cwd=tmp_path)
    assert result.stdout.startswith(b"a: openai/m, https://api.openai.com/")
