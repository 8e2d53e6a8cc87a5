from pathlib import Path
from typing import Any

import pytest

from audiocli.errors import AuthenticationError, ConfigError
from audiocli.gateway.config.dropping import UNSUPPORTED
from audiocli.gateway.config.settings import Settings, load_settings
from audiocli.gateway.config.shown import as_yaml

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
      stream_timeout: 3
      max_retries: 4
      drop_params: false
      additional_drop_params: [logit_bias]
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
  cooldown_time: os.environ/COOLDOWN
  fallbacks: [{voice: [other]}]
  context_window_fallbacks: [{voice: [other, first]}]
  content_policy_fallbacks: [{other: [voice]}]
  retry_policy: {TimeoutErrorRetries: 0, RateLimitErrorRetries: 3}
  model_group_retry_policy: {voice: {InternalServerErrorRetries: 1}}
  stream_timeout: 8
  model_group_alias: {speech: voice, hidden: {model: other, hidden: true}}
litellm_settings:
  default_fallbacks: [first]
  num_retries: 5
  drop_params: true
general_settings:
  master_key: os.environ/MASTER
audiocli_settings:
  max_body_mb: 5
  stream_normalize: false
environment_variables:
  TEAM: red
"""
    read = settings(tmp_path, text, ONE=KEY, MASTER=OTHER, COOLDOWN="9")
    first, second = read.deployments
    assert first.id == "first"
    assert (first.timeout, first.rpm, first.tpm, first.weight, first.order) == (30, 10, 2000, 3, 2)
    assert (first.retries, second.retries) == (4, None)
    assert (first.drops_unsupported, second.drops_unsupported) == (False, True)
    assert first.drop == {"logit_bias"}
    assert read.droppable == {"logit_bias"} | UNSUPPORTED
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
    assert policy.refusal_fallbacks == {
        "context_window": {"voice": ("other", "first")},
        "content_policy": {"other": ("voice",)},
    }
    assert policy.retries_by_error == {"timeout": 0, "rate_limit": 3}
    assert policy.group_retries == {"voice": {"server": 1}}
    assert (first.stream_timeout, second.stream_timeout) == (3, 8)
    assert policy.default_fallbacks == ("first",)
    assert policy.aliases == {"speech": "voice", "hidden": "other"}
    assert policy.hidden == {"hidden"}
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


def test_a_name_of_openais_needs_no_provider(tmp_path: Path) -> None:
    """LiteLLM's documentation has `model: gpt-3.5-turbo-16k`, which our table does not know."""
    read = settings(tmp_path, row(model="gpt-3.5-turbo-16k", api_key=KEY))
    assert endpoint(read).url == "https://api.openai.com/v1/chat/completions"
    assert read.deployments[0].target.model == "gpt-3.5-turbo-16k"


def test_a_row_of_several_organizations_is_a_deployment_for_each(tmp_path: Path) -> None:
    read = settings(tmp_path, row(model="openai/gpt-audio", api_key=KEY, organization=["org-1", "org-2"]))
    headers = [each.target.headers for each in read.deployments if each.target.headers]
    assert headers == [{"OpenAI-Organization": "org-1"}, {"OpenAI-Organization": "org-2"}]
    assert len({each.id for each in read.deployments}) == 2


def test_any_model_of_any_service_is_served_where_there_is_a_key(tmp_path: Path) -> None:
    text = """
model_list:
  - {model_name: "*", litellm_params: {model: "*", timeout: 7}}
  - {model_name: groq/*, litellm_params: {model: groq/*, api_key: another-key}}
"""
    read = settings(tmp_path, text, OPENAI_API_KEY=KEY, GROQ_API_KEY=OTHER, MISTRAL_API_KEY=OTHER)
    groups = {each.group: each for each in read.deployments}
    assert set(groups) == {"*", "openai/*", "mistral/*", "groq/*"}
    assert len(read.deployments) == 4
    assert (groups["*"].target.name, groups["*"].timeout) == ("openai/*", 7)


def test_credentials_can_be_named(tmp_path: Path) -> None:
    """docs.litellm.ai/docs/proxy/configs"""
    text = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      litellm_credential_name: default_azure_credential

credential_list:
  - credential_name: default_azure_credential
    credential_values:
      api_key: os.environ/AZURE_KEY
      api_base: os.environ/AZURE_BASE
      api_version: "2023-05-15"
    credential_info:
      description: "Production credentials for EU region"
"""
    read = settings(tmp_path, text, AZURE_KEY=OTHER, AZURE_BASE="https://n.openai.azure.com")
    assert endpoint(read).url.endswith("/openai/deployments/gpt-4o/chat/completions?api-version=2023-05-15")
    assert endpoint(read).credentials == {"api-key": OTHER}


def test_a_deployment_is_known_by_its_base_model(tmp_path: Path) -> None:
    text = row(model="azure/mine", api_base="https://n.openai.azure.com") + (
        "    model_info: {base_model: azure/gpt-4o-audio-preview, max_output_tokens: 5}\n"
    )
    known = settings(tmp_path, text).deployments[0].target.capabilities
    assert known is not None
    assert known.audio_output is True
    assert known.prices.audio_out == 80
    assert known.max_output_tokens == 5


def test_a_name_that_no_wildcard_matches_is_told(tmp_path: Path) -> None:
    text = row(model="openai/*", api_base="http://x/v1").replace("voice", "mine/*")
    assert settings(tmp_path, text + "router_settings: {fallbacks: [{mine/a: [mine/b]}]}\n").warnings == ()
    told = problem(tmp_path, text + "router_settings: {model_group_alias: {a: yours/b}}\n")
    assert "line 4: there is no model 'yours/b'" in told


def test_azure_without_an_address_is_where_its_variables_say(tmp_path: Path) -> None:
    variables = {"AZURE_API_BASE": "https://n.openai.azure.com", "AZURE_API_KEY": OTHER}
    read = settings(tmp_path, row(model="azure/voice"), **variables)
    assert endpoint(read).url.startswith("https://n.openai.azure.com/openai/deployments/voice/")
    assert endpoint(read).credentials == {"api-key": OTHER}
    for name in ("api_base", "base_url"):
        elsewhere = settings(tmp_path, row(model="azure/voice", **{name: "https://x.example"}), **variables)
        assert endpoint(elsewhere).url.startswith("https://x.example/")
        assert endpoint(elsewhere).credentials == {}


def test_what_is_not_spoken_here_is_left_out_and_named(tmp_path: Path) -> None:
    """docs.litellm.ai/docs/proxy/configs has rows of Bedrock's and Hugging Face's among others."""
    text = """
model_list:
  - {model_name: claude, litellm_params: {model: bedrock/anthropic.claude-instant-v1}}
  - {model_name: zephyr, litellm_params: {model: huggingface/zephyr-7b, api_base: "http://0.0.0.0:8001"}}
  - {model_name: vllm, litellm_params: {model: hosted_vllm/qwen2-audio}}
  - {model_name: near, litellm_params: {model: hosted_vllm/qwen2-audio, api_base: "http://x/v1"}}
  - {model_name: grok, litellm_params: {model: xai/grok-voice-transcribe-2.0, api_base: "https://api.x.ai/v1"}}
  - model_name: tts
    litellm_params: {model: xai/grok-tts, api_base: "https://api.x.ai/v1"}
    model_info: {mode: audio_speech}
  - {model_name: gemini, litellm_params: {model: gemini/gemini-3.5-transcribe, api_key: sk-0123456789}}
  - {model_name: near, litellm_params: {model: xai/grok-4.3, api_base: "https://api.x.ai/v1"}}
  - {model_name: near, litellm_params: {model: xai/grok-voice-transcribe-2.0, api_base: "http://x/v1"}}
router_settings:
  fallbacks: [{near: [claude, zephyr]}]
  model_group_alias: {gone: claude, here: near}
"""
    read = settings(tmp_path, text)
    assert [(each.group, each.target.model) for each in read.deployments] == [
        ("near", "qwen2-audio"),
        ("near", "grok-4.3"),
        ("near", "grok-voice-transcribe-2.0"),
    ]
    assert read.policy.aliases == {"here": "near"}
    for line, reason in [
        (3, "claude is left out"),
        (4, "zephyr is left out"),
        (5, "hosted_vllm needs an api_base"),
        (7, "grok is left out: xai does transcription by an API of its own"),
        (9, "tts is left out: xai does speech by an API of its own"),
        (11, "gemini is left out: gemini does transcription by an API of its own"),
    ]:
        assert any(f"line {line}: " in warning and reason in warning for warning in read.warnings)


@pytest.mark.parametrize("strategy", ["usage-based-routing", "usage-based-routing-v2", "cost-based-routing"])
def test_another_strategy_of_litellms_is_replaced_and_named(tmp_path: Path, strategy: str) -> None:
    read = settings(tmp_path, row(**BASE) + f"router_settings: {{routing_strategy: {strategy}}}\n")
    assert read.policy.strategy == "simple-shuffle"
    assert any(f"line 4: {strategy} is not done" in line for line in read.warnings)


def test_rows_that_are_alike_have_ids_of_their_own(tmp_path: Path) -> None:
    one = {"model_name": "voice", "litellm_params": {"model": "openai/m", "api_base": "http://x/v1"}}
    read = settings(tmp_path, f"model_list: {[one, one]}")
    assert len({each.id for each in read.deployments}) == 2
    assert read.deployments[0].id == settings(tmp_path, f"model_list: {[one]}").deployments[0].id


def test_what_has_no_effect_is_named(tmp_path: Path) -> None:
    params = {"model": "openai/m", "api_base": "http://x/v1", "cache": {"no-store": True}, "tags": ["a"]}
    text = row(**params, additional_drop_params=["tools[*].strict"]) + (
        "    tpm: 5\nmcp_servers: {}\ngeneral_settings: {database_url: x}\n"
        "litellm_settings: {set_verbose: true, callbacks: [langfuse]}\n"
    )
    warned = settings(tmp_path, text).warnings
    named = ("cache", "tags", "'tools[*].strict'", "tpm", "mcp_servers", "database_url")
    for name in (*named, "set_verbose", "callbacks"):
        assert any(f"{name} is ignored" in line and "line " in line for line in warned), name
    assert settings(tmp_path, text).deployments[0].extra_body == {}


BASE = {"model": "openai/m", "api_base": "http://x/v1"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("modellist: []\n", "line 1: unknown key 'modellist'"),
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
        ("model_list: [{model_name: '', litellm_params: {model: m}}]\n", "line 1: a row of model_list lacks"),
        (row(**BASE, timeout=".nan"), "line 3: timeout must be a number"),
        (row(**BASE, timeout="soon"), "line 3: timeout must be a number"),
        (row(**BASE, rpm=-1), "line 3: rpm must be a number, 0 or more"),
        (row(**BASE, rpm=1.5), "line 3: rpm must be a whole number"),
        (row(**BASE, max_retries="many"), "line 3: max_retries must be a number"),
        (row(**BASE, drop_params="yes"), "line 3: drop_params must be true or false"),
        (row(**BASE, additional_drop_params="seed"), "additional_drop_params must be a list"),
        (row(**BASE, additional_drop_params=["model"]), "'model' cannot be left out of a request"),
        (row(**BASE, litellm_credential_name="c"), "line 3: there is no credential 'c'"),
        (row(model="gpt-audio", api_key="a b"), "line 3: the config's api_key does not hold a key"),
        (row(model="*"), "line 3: unknown model '*'"),
        ("model_list: [{model_name: '*', litellm_params: {model: '*'}}]", "line 1: no service has a key"),
        (row(model="bedrock/m"), "line 3: voice is left out: the API of bedrock is not spoken here"),
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
        (row(**BASE) + "router_settings: {model_group_alias: {a: b, b: a}}\n", "there is no model 'a'"),
        (
            row(**BASE) + "router_settings: {context_window_fallbacks: [{voice: [b]}]}\n",
            "line 4: there is no model 'b'",
        ),
        (row(**BASE) + "router_settings: {retry_policy: 3}\n", "line 4: retry_policy must be a mapping"),
        (
            row(**BASE) + "router_settings: {retry_policy: {OtherRetries: 3}}\n",
            "line 4: unknown kind of error 'OtherRetries'",
        ),
        (
            row(**BASE) + "router_settings: {retry_policy: {TimeoutErrorRetries: some}}\n",
            "line 4: TimeoutErrorRetries must be a number",
        ),
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
    assert "X-Key: '***'" in shown
    assert "api_base: http://x/v1" in shown
    assert KEY[:12] not in shown
    assert OTHER[:12] not in shown


def test_only_harmless_values_are_shown(tmp_path: Path) -> None:
    hidden = {
        "vendor": "plain-secret",
        "user": "somebody",
        "audio": {"voice": "alloy", "token": "deep-secret"},
    }
    public = {"temperature": 0.25, "modalities": ["text", "audio"]}
    text = row(**BASE, seed=7, extra_body={**hidden, **public}) + (
        "    model_info: {id: one, supports_audio_input: true, note: info-secret}\n"
    )
    shown = as_yaml(settings(tmp_path, text))
    for secret in ("plain-secret", "somebody", "deep-secret", "info-secret"):
        assert secret not in shown
    for value in (
        "temperature: 0.25",
        "seed: 7",
        "voice: alloy",
        "- audio",
        "supports_audio_input: true",
        "id: one",
    ):
        assert value in shown


def test_an_address_with_a_secret_is_shown_without_it(tmp_path: Path) -> None:
    shown = as_yaml(
        settings(tmp_path, row(model="openai/m", api_base="https://u:hunter2@x.example/v1?key=hunter3"))
    )
    assert "hunter" not in shown
