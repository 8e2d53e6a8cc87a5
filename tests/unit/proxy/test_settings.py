from pathlib import Path
from typing import Any

import pytest

from audiocli.errors import AuthenticationError, ConfigError
from audiocli.proxy.settings import Settings, load_settings
from audiocli.proxy.shown import as_yaml

KEY = "sk-test-0123456789abcdefghijklmnop"
OTHER = "sk-other-0123456789abcdefghijklmn"

# docs.litellm.ai/docs/completion/audio
DOCUMENTED = """\
model_list:
  - model_name: gpt-4o-audio-preview # OpenAI gpt-4o-audio-preview
    litellm_params:
      model: openai/gpt-4o-audio-preview
      api_key: os.environ/OPENAI_API_KEY \n
general_settings:
  master_key: sk-1234
"""


def settings(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text)
    return load_settings(path, {"HOME": str(folder), **environ})


def row(**params: Any) -> str:
    """A config of one row, in YAML's form of JSON."""
    return f"model_list:\n  - model_name: voice\n    litellm_params: {params}\n"


def problem(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(folder, text, **environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def endpoint(read: Settings) -> Any:
    return read.deployments[0].target.endpoint


def test_the_documented_config_works_word_for_word(tmp_path: Path) -> None:
    read = settings(tmp_path, DOCUMENTED, OPENAI_API_KEY=KEY)
    (only,) = read.deployments
    assert only.group == "gpt-4o-audio-preview"
    assert only.target.model == "gpt-4o-audio-preview"
    assert endpoint(read).url == "https://api.openai.com/v1/chat/completions"
    assert endpoint(read).credentials == {"Authorization": f"Bearer {KEY}"}
    assert only.target.capabilities is not None
    assert only.target.capabilities.audio_output is True
    assert read.master_key is not None
    assert read.master_key.value == "sk-1234"
    assert read.warnings == ()


def test_a_variable_that_is_not_set_is_named_with_its_line(tmp_path: Path) -> None:
    assert "line 5: 'OPENAI_API_KEY' is not set" in problem(tmp_path, DOCUMENTED)


def test_every_key_that_is_acted_on_arrives(tmp_path: Path) -> None:
    text = """
model_list:
  - model_name: voice
    litellm_params:
      model: openai/gpt-audio
      api_base: https://one.example/v1
      api_key: os.environ/ONE
      organization: org-1
      timeout: 30
      rpm: 10
      tpm: 2000
      weight: 3
      order: 2
      extra_headers: {X-Team: os.environ/TEAM}
      seed: 7
      extra_body: {vendor: 1}
    model_info:
      id: first
      mode: chat
      supports_audio_output: false
      input_cost_per_audio_token: 0.001
  - model_name: other
    litellm_params: {model: openai/gpt-audio, api_base: https://two.example/v1}
router_settings:
  routing_strategy: least-busy
  num_retries: 1
  timeout: 20
  allowed_fails: 0
  cooldown_time: 9
  fallbacks: [{voice: [other]}]
  model_group_alias: {speech: voice, hidden: {model: other, hidden: true}}
litellm_settings:
  default_fallbacks: [other]
  num_retries: 5
general_settings:
  master_key: os.environ/MASTER
audiocli_settings:
  max_body_mb: 5
  stream_normalize: false
environment_variables:
  TEAM: red
"""
    read = settings(tmp_path, text, ONE=KEY, MASTER=OTHER)
    first = read.deployments[0]
    assert first.id == "first"
    assert (first.timeout, first.rpm, first.tpm, first.weight, first.order) == (30, 10, 2000, 3, 2)
    assert first.extra_body == {"seed": 7, "vendor": 1}
    assert endpoint(read).headers == {"X-Team": "red", "OpenAI-Organization": "org-1"}
    assert endpoint(read).credentials == {"Authorization": f"Bearer {KEY}"}
    assert first.target.capabilities is not None
    assert first.target.capabilities.audio_output is False
    assert first.target.capabilities.prices.audio_in == pytest.approx(1000)
    policy = read.policy
    assert (policy.strategy, policy.retries, policy.allowed_fails, policy.cooldown_time) == (
        "least-busy",
        1,
        0,
        9,
    )
    assert policy.fallbacks == {"voice": ("other",)}
    assert policy.default_fallbacks == ("other",)
    assert policy.aliases == {"speech": "voice", "hidden": "other"}
    assert read.timeout == 20
    assert read.bounds.max_body_mb == 5
    assert not read.normalise
    assert read.master_key is not None
    assert read.master_key.value == OTHER
    assert read.warnings == ()


def test_a_server_of_its_own_gets_its_own_key_alone(tmp_path: Path) -> None:
    """LiteLLM sends it the environment's."""
    read = settings(tmp_path, row(model="openai/m", api_base="https://x.example/v1"), OPENAI_API_KEY=KEY)
    assert endpoint(read).credentials == {}
    named = row(model="openai/m", api_base="https://x.example/v1", api_key="os.environ/OPENAI_API_KEY")
    assert endpoint(settings(tmp_path, named, OPENAI_API_KEY=KEY)).api_key.value == KEY


def test_azure_has_addresses_and_keys_of_its_own(tmp_path: Path) -> None:
    text = row(
        model="azure/my voice",
        api_base="https://n.openai.azure.com/",
        api_key=OTHER,
        api_version="2025-04-01",
    )
    read = settings(tmp_path, text, OPENAI_API_KEY=KEY)
    url = "https://n.openai.azure.com/openai/deployments/my%20voice/chat/completions?api-version=2025-04-01"
    assert endpoint(read).url == url
    assert endpoint(read).credentials == {"api-key": OTHER}


def test_a_wildcard_takes_the_clients_part(tmp_path: Path) -> None:
    text = "model_list:\n  - model_name: openai/*\n    litellm_params: {model: openai/*}\n"
    read = settings(tmp_path, text, OPENAI_API_KEY=KEY)
    expanded = read.expand(read.deployments[0], "gpt-audio").target
    assert expanded.model == "gpt-audio"
    assert expanded.capabilities is not None
    assert expanded.capabilities.audio_input is True
    assert read.expand(read.deployments[0], "unheard/of").target.model == "unheard/of"


def test_rows_that_are_alike_have_ids_of_their_own(tmp_path: Path) -> None:
    one = {"model_name": "voice", "litellm_params": {"model": "openai/m", "api_base": "http://x/v1"}}
    read = settings(tmp_path, f"model_list: {[one, one]}")
    assert len({each.id for each in read.deployments}) == 2
    assert read.deployments[0].id == settings(tmp_path, f"model_list: {[one]}").deployments[0].id


def test_what_is_not_acted_on_is_named(tmp_path: Path) -> None:
    text = row(model="openai/m", api_base="http://x/v1", max_retries=3, tags=["a"]) + (
        "guardrails: []\ngeneral_settings: {database_url: x}\n"
        "litellm_settings: {drop_params: true, callbacks: []}\n"
    )
    warned = settings(tmp_path, text).warnings
    for name in ("max_retries", "tags", "guardrails", "database_url", "drop_params", "callbacks"):
        assert any(f"{name} is not acted on" in line and "line " in line for line in warned), name
    assert settings(tmp_path, text).deployments[0].extra_body == {}


BASE = {"model": "openai/m", "api_base": "http://x/v1"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("modellist: []\n", "line 1: there is no section 'modellist'"),
        (
            row(**BASE) + "audiocli_settings: {max_bodies: 1}\n",
            "line 4: audiocli_settings has no 'max_bodies'",
        ),
        (row(**BASE) + "audiocli_settings: {max_connections: 0}\n", "max_connections must be more than 0"),
        ("model_list: {a: b}\n", "line 1: model_list must be a list"),
        ("model_list: [1]\n", "line 1: a row is not a mapping"),
        ("model_list:\n  - model_name: a\n", "line 2: a row of model_list lacks"),
        (
            "model_list: [{model_name: a, litellm_params: {model: 5}}]\n",
            "lacks model_name or litellm_params.model",
        ),
        (row(**BASE, timeout=".nan"), "line 3: timeout must be a number"),
        (row(**BASE, timeout="soon"), "line 3: timeout must be a number"),
        (row(**BASE, rpm=-1), "line 3: rpm must be a number, 0 or more"),
        (row(**BASE, rpm=1.5), "line 3: rpm must be a whole number"),
        (row(model="openai/m", api_base="ftp://x"), "line 3: api_base is no address"),
        (row(model="openai/m", api_base="http://x:99999"), "line 3: api_base is no address"),
        (
            row(**BASE, extra_headers={"X": "LINES"}).replace("'LINES'", r'"a\nb"'),
            "'X' is no header",
        ),
        (row(**BASE, extra_headers=["X"]), "extra_headers must be a mapping"),
        (row(**BASE, api_key="two words"), "does not hold a key"),
        (row(model="unheard-of"), "line 3: unknown model 'unheard-of'"),
        (row(model="openai/gpt-audio"), "line 3: OPENAI_API_KEY is not set"),
        (row(model="azure/m"), "azure/m has no api_base"),
        (row(model="azure/*", api_base="http://x"), "a deployment of Azure has one name"),
        (row(**BASE) + "router_settings: {routing_strategy: random}\n", "line 4: 'random' is not done"),
        (row(**BASE) + "router_settings: {fallbacks: [a]}\n", "line 4: a row is not of the form"),
        (row(**BASE) + "router_settings: {fallbacks: [{voice: [b]}]}\n", "line 4: there is no model 'b'"),
        (row(**BASE) + "router_settings: {model_group_alias: {a: b}}\n", "line 4: there is no model 'b'"),
        (row(**BASE) + "router_settings: [1]\n", "line 4: router_settings must be a mapping"),
        (row(**BASE) + "general_settings: {stream_normalize: perhaps}\n", "must be true or false"),
        (row(**BASE) + "general_settings: {master_key: }\n", "line 4: the master key is not a key"),
        (row(**BASE) + "general_settings: {master_key: os.environ/UNSET}\n", "line 4: 'UNSET' is not set"),
        (row(**BASE) + "general_settings: {master_key: [1, 2]}\n", "line 4: master_key must be text"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_says_where(tmp_path: Path, text: str, told: str) -> None:
    assert told in problem(tmp_path, text)


def test_an_empty_master_key_in_the_environment_is_no_open_door(tmp_path: Path) -> None:
    assert "master key" in problem(tmp_path, row(**BASE), AUDIOCLI_MASTER_KEY="")


def test_without_a_config_every_hosted_model_with_a_key_is_served(tmp_path: Path) -> None:
    read = load_settings(None, {"HOME": str(tmp_path), "OPENAI_API_KEY": KEY, "GROQ_API_KEY": OTHER})
    groups = {each.group: each for each in read.deployments}
    assert {"openai/*", "groq/*", "gpt-audio-1.5", "*"} <= set(groups)
    assert "mistral/*" not in groups
    for name, key in (("openai/*", KEY), ("gpt-audio-1.5", KEY), ("*", KEY), ("groq/*", OTHER)):
        served = groups[name].target.endpoint
        assert served is not None
        assert served.credentials == {"Authorization": f"Bearer {key}"}


def test_on_a_fresh_machine_the_embedded_model_answers_for_every_name(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra local")
    read = load_settings(None, {"HOME": str(tmp_path)})
    assert [(each.group, each.target.provider) for each in read.deployments] == [
        ("local", "local"),
        ("*", "local"),
    ]
    assert any("the embedded model answers for every name" in line for line in read.warnings)


def test_a_key_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY does not hold a key"):
        load_settings(None, {"HOME": str(tmp_path), "OPENAI_API_KEY": "a b"})


def test_the_settings_can_be_shown_without_their_keys(tmp_path: Path) -> None:
    text = (
        row(**BASE, api_key=KEY, extra_headers={"X-Key": OTHER})
        + f"general_settings: {{master_key: {OTHER}}}\n"
    )
    shown = as_yaml(settings(tmp_path, text))
    assert "model_name: voice" in shown
    assert "api_base: http://x/v1" in shown
    assert KEY[:12] not in shown
    assert OTHER[:12] not in shown
