"""What the gateway's documentation and its sample say is so."""

import re
from dataclasses import fields
from pathlib import Path

from audiocli.catalog import lookup
from audiocli.config import litellm_keys
from audiocli.gateway.config.dropping import UNSUPPORTED
from audiocli.gateway.config.settings import Bounds, Settings, load_settings
from audiocli.router import Policy
from audiocli.wire.litellm import OWN

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "serve.md").read_text()
KEY = "sk-test-0123456789abcdefghijklmnop"


def test_every_bound_is_told_with_its_default() -> None:
    rows = dict(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([\w., ]+) \|", TEXT, re.M))
    told = {
        name.strip(" `"): value.strip()
        for names, values in rows.items()
        for name, value in zip(names.split(","), values.split(","), strict=False)
    }
    for bound in fields(Bounds):
        assert float(told[bound.name]) == bound.default, bound.name
    assert float(told["timeout"]) == Settings.timeout
    assert (told["num_retries"], told["allowed_fails"], told["cooldown_time"]) == (
        str(Policy.retries),
        str(Policy.allowed_fails),
        f"{Policy.cooldown_time:g}",
    )


def test_every_key_that_is_acted_on_is_told() -> None:
    keys = [
        *(name for name, argument in OWN.items() if argument.row in ("used", "shared")),
        *UNSUPPORTED,
        *(name for section in litellm_keys.ACTED_ON.values() for name in section),
    ]
    for key in keys:
        assert re.search(rf"[`.]{re.escape(key)}\b", TEXT) or f"`{key}`" in TEXT, key


def test_the_sample_is_served_without_a_warning(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "OPENAI_API_KEY": KEY}
    read = load_settings(ROOT / "samples" / "gateway.yaml", environ)
    assert read.warnings == ()
    assert {each.group for each in read.deployments} == {"voice", "whisper", "at-home", "openai/*"}
    for each in read.deployments[:3]:
        assert lookup(each.target.model) is not None, each.target.model


def test_the_config_in_the_documentation_is_served_without_a_warning(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
    config = tmp_path / "config.yaml"
    config.write_text(example)
    keys = {"OPENAI_API_KEY": KEY, "AZURE_API_KEY": KEY, "MASTER_KEY": KEY}
    read = load_settings(config, {"HOME": str(tmp_path), **keys})
    assert read.warnings == ()
    assert len(read.deployments) == 4
