"""When a changed config is taken up, and when it is not. A look stands for a second."""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audiocli.errors import ConfigError
from audiocli.gateway.config.settings import Settings, load_settings
from audiocli.gateway.server.reloading import Reloading

KEY = "sk-master-0123456789"


def config(folder: Path, *names: str, name: str = "config.yaml", **sections: Any) -> Path:
    rows = [
        {"model_name": each, "litellm_params": {"model": "openai/m", "api_base": "http://127.0.0.1:9/v1"}}
        for each in names
    ]
    path = folder / name
    path.write_text(json.dumps({"model_list": rows, **sections}))
    return path


class Gateway:
    """What a gateway does with a `Reloading`, look by look."""

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None) -> None:
        self._environ = {"HOME": str(path.parent), **(environ or {})}
        load = partial(load_settings, path, self._environ)
        self.settings = load()
        self.reloading = Reloading(load, self.settings)

    def look(self, times: int = 1) -> str | None:
        """The names of its models where they are others now, or what is wrong."""
        said = None
        for _ in range(times):
            try:
                settings: Settings | None = asyncio.run(self.reloading.look())
            except ConfigError as error:
                said = error.message
                continue
            if settings is not None:
                self.reloading.begun(settings)
                said = ",".join(each.group for each in settings.deployments)
        return said


def test_a_change_is_taken_up_once_it_has_been_left_alone(tmp_path: Path) -> None:
    gateway = Gateway(config(tmp_path, "one"))
    assert gateway.look(3) is None

    config(tmp_path, "two")

    assert [gateway.look() for _ in range(5)] == [None, None, "two", None, None]


def test_a_file_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    gateway = Gateway(path)
    whole = config(tmp_path, *"abcdefgh").read_text()
    for end in range(0, len(whole), 100):
        path.write_text(whole[:end])
        assert gateway.look() is None
    path.write_text(whole)

    assert gateway.look(4) == "a,b,c,d,e,f,g,h"


def test_it_is_waited_for_if_it_was_asked_for_too(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    gateway = Gateway(path)
    config(tmp_path, "two")
    gateway.reloading.ask()
    assert gateway.look() is None  # read, and not used yet
    config(tmp_path, "two", "three")

    assert [gateway.look() for _ in range(3)] == [None, "two,three", None]


def test_what_is_unchanged_is_read_again_if_asked_for(tmp_path: Path) -> None:
    gateway = Gateway(config(tmp_path, "one"))
    gateway.reloading.ask()

    assert gateway.look(2) == "one"


def test_an_included_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path = config(tmp_path, "one")
    gateway = Gateway(path)
    more = config(tmp_path, "b", name="more.yaml")
    config(tmp_path, "a", include=["more.yaml"])
    assert gateway.look(2) is None
    config(tmp_path, "b", "c", name="more.yaml")  # after it was read

    assert [gateway.look(), gateway.look()] == [None, "a,b,c"]
    config(tmp_path, "d", name=more.name)
    assert gateway.look(3) == "a,d"


def test_a_broken_file_that_nobody_knew_is_read_again(tmp_path: Path) -> None:
    gateway = Gateway(config(tmp_path, "one"))
    more = tmp_path / "more.yaml"
    more.write_text("model_list: [")
    config(tmp_path, "a", include=["more.yaml"])
    assert "more.yaml" in str(gateway.look(4))
    assert gateway.look(20) is None  # It is said once.

    config(tmp_path, "b", name="more.yaml")

    assert gateway.look(10) == "a,b"


@pytest.mark.parametrize("left", [{}, {"general_settings": {}}, {"litellm_settings": {"drop_params": True}}])
def test_the_master_key_is_never_taken_away(tmp_path: Path, left: dict[str, Any]) -> None:
    gateway = Gateway(config(tmp_path, "one", general_settings={"master_key": KEY}))

    config(tmp_path, "two", **left)

    assert gateway.look(5) == "it has no master key any more"


@pytest.mark.parametrize("length", [1, 8, len(KEY) - 1])
def test_a_master_key_that_is_cut_is_not_used(tmp_path: Path, length: int) -> None:
    gateway = Gateway(config(tmp_path, "one", general_settings={"master_key": KEY}))

    config(tmp_path, "one", general_settings={"master_key": KEY[:length]})

    assert gateway.look(5) == "its master key is only the beginning of the present one"


def test_a_master_key_in_environment_variables_is_not_taken_away_with_them(tmp_path: Path) -> None:
    gateway = Gateway(config(tmp_path, "one", environment_variables={"AUDIOCLI_MASTER_KEY": KEY}))

    config(tmp_path, "one", environment_variables={"OTHER": "x"})

    assert gateway.look(5) == "it has no master key any more"


def test_a_master_key_in_an_included_file_is_not_taken_away_with_it(tmp_path: Path) -> None:
    config(tmp_path, name="more.yaml", general_settings={"master_key": KEY})
    gateway = Gateway(config(tmp_path, "one", include=["more.yaml"]))

    config(tmp_path, "one")

    assert gateway.look(5) == "it has no master key any more"


def test_a_master_key_may_be_added_and_become_another(tmp_path: Path) -> None:
    gateway = Gateway(config(tmp_path, "one"))
    config(tmp_path, "two", general_settings={"master_key": KEY})
    assert gateway.look(3) == "two"

    config(tmp_path, "three", general_settings={"master_key": "sk-other-0123456789"})
    assert gateway.look(3) == "three"


def test_without_a_master_key_no_host_is_added(tmp_path: Path) -> None:
    gateway = Gateway(
        config(tmp_path, "one", audiocli_settings={"allowed_hosts": ["a.example", "b.example"]})
    )
    config(tmp_path, "two", audiocli_settings={"allowed_hosts": ["a.example"]})
    assert gateway.look(3) == "two"

    config(tmp_path, "three", audiocli_settings={"allowed_hosts": ["a.example", "b.example"]})
    assert gateway.look(3) == "it allows further hosts: b.example"


@pytest.mark.parametrize(
    "text", ["", "model_list:\n", "model_list: []\n", "model_list:\n  - model_name: one\n"]
)
def test_a_file_without_models_changes_nothing(tmp_path: Path, text: str) -> None:
    path = config(tmp_path, "one")
    gateway = Gateway(path, {"OPENAI_API_KEY": KEY})

    path.write_text(text)

    assert gateway.look(3)
    assert gateway.look(3) is None


def test_a_key_file_is_watched(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    row = {"model": "openai/m", "api_base": "http://127.0.0.1:9/v1", "api_key_file": str(key)}
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"model_list": [{"model_name": "one", "litellm_params": row}]}))
    gateway = Gateway(path)
    (tmp_path / "next").write_text("sk-rotated-0123456789\n")
    (tmp_path / "next").rename(key)

    assert gateway.look(3) == "one"

    key.unlink()
    assert "cannot be read" in str(gateway.look(3))
