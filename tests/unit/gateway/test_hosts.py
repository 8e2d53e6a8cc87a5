from pathlib import Path

import pytest

from audiocli.errors import ConfigError
from audiocli.gateway.config.settings import load_settings
from audiocli.gateway.hosts import host_name, is_wildcard


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("LocalHost:4000", "localhost"),
        ("localhost.:4000", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[0:0:0:0:0:0:0:1]:4000", "::1"),
        ("::1", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("gw.example.", "gw.example"),
        ("gw.example..", ""),
        ("[::1", ""),
        ("[localhost]", ""),
        ("1:2:3", ""),
        ("https://gw.example", ""),
        ("localhost:4000:4000", ""),
        ("localhost:x", ""),
        ("[::1]x", ""),
        ("gw.example/", ""),
        ("*", ""),
        (".", ""),
        ("", ""),
        ("a b", ""),
    ],
)
def test_a_host_has_one_spelling(host: str, name: str) -> None:
    assert host_name(host) == name


def test_a_wildcard_stands_for_every_address() -> None:
    assert all(map(is_wildcard, ("0.0.0.0", "::", "")))
    assert not any(map(is_wildcard, ("127.0.0.1", "::1", "gw.example")))


def read(folder: Path, own: str, host: str = "") -> frozenset[str]:
    config = folder / "config.yaml"
    config.write_text(
        f"model_list: [{{model_name: echo, litellm_params: {{model: echo}}}}]\naudiocli_settings: {own}\n"
    )
    return load_settings(
        config, {"HOME": str(folder), "OPENAI_API_KEY": "sk-0123456789"}, host=host
    ).allowed_hosts


def test_allowed_hosts_are_the_configs_and_the_command_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "{allowed_hosts: [GW.example, '[::2]']}", "127.0.0.2") == {
        "gw.example",
        "::2",
        "127.0.0.2",
    }
    assert read(tmp_path, "{allowed_hosts: gw.example:4000}", "0.0.0.0") == {"gw.example"}


@pytest.mark.parametrize("host", ["'*'", "'*.example'", "https://gw.example", "''", "a b", "gw.example/v1"])
def test_a_host_that_is_none_is_told_with_its_line(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="line 2: invalid host"):
        read(tmp_path, f"{{allowed_hosts: [{host}]}}")
