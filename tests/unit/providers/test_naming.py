"""A model's name leads to the provider that answers for it, and a key to no other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audiocli.catalog import lookup
from audiocli.config import Config, Deployment
from audiocli.errors import AuthenticationError, ConfigError, MisspeltModelError, UsageError
from audiocli.providers.embedded.chat import LocalProvider
from audiocli.providers.hosts import HOSTS
from audiocli.providers.naming import keys_for, reachable_models, resolve, server_key
from audiocli.providers.openai.chat import OpenAICompatible
from audiocli.providers.registry import build
from audiocli.providers.suiting import Purpose, Wanted
from audiocli.secret import Secret

KEY = Secret("sk-test-0123456789")
OPENAI = "https://api.openai.com/v1"
HERE = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(), "local/smollm2-135m"),
        (Config(api_key=KEY), "openai/gpt-audio-1.5"),
        (Config(base_url=HERE), "openai/gpt-audio-1.5"),
    ],
)
def test_the_default_is_the_best_that_there_is_a_key_for(config: Config, expected: str) -> None:
    target = resolve(config)
    assert (target.name, target.chosen) == (expected, True)


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("gpt-audio-mini", "openai", "gpt-audio-mini"),
        ("openai/gpt-audio-mini", "openai", "gpt-audio-mini"),
        ("openai/not-out-yet", "openai", "not-out-yet"),
        ("local", "local", "smollm2-135m"),
        ("smollm2-135m", "local", "smollm2-135m"),
        ("echo", "echo", "echo"),
        ("GPT-Audio-Mini", "openai", "gpt-audio-mini"),
        ("OpenAI/GPT-Audio-Mini", "openai", "gpt-audio-mini"),
        ("OpenAI/Not-Out-Yet", "openai", "Not-Out-Yet"),
        ("Local", "local", "smollm2-135m"),
    ],
)
def test_a_name_finds_its_provider(name: str, provider: str, model: str) -> None:
    target = resolve(Config(api_key=KEY), name)
    assert (target.provider, target.model, target.chosen) == (provider, model, False)


def test_the_configs_model_may_be_an_alias() -> None:
    config = Config(
        model="fast", api_key=KEY, deployments={"fast": Deployment(model="openai/gpt-audio-mini")}
    )
    target = resolve(config)
    assert target.model == "gpt-audio-mini"
    assert (target.endpoint.base_url, target.endpoint.api_key) == (OPENAI, KEY)


def test_another_server_is_asked_for_any_name() -> None:
    target = resolve(Config(), "mistralai/Voxtral-Mini-3B", HERE)
    assert target.model == "mistralai/Voxtral-Mini-3B"
    assert resolve(Config(), "GPT-Audio", HERE).model == "GPT-Audio"  # It may call its own so.
    assert (target.endpoint.base_url, target.endpoint.api_key) == (HERE, None)
    assert isinstance(build(target, Config(), lambda what, done, total: None), OpenAICompatible)


def test_what_one_provider_has_ended_another_server_may_still_have() -> None:
    ended = lookup("gemini-2.5-flash")
    assert ended is not None
    assert (ended.provider, ended.shutdown) == ("vertex_ai", "2026-10-20")
    for target in (
        resolve(Config(), "gemini-2.5-flash", HERE),
        resolve(Config(deployments={"x": Deployment(model="openai/gemini-2.5-flash", base_url=HERE)}), "x"),
    ):
        assert target.capabilities is not None
        assert (target.capabilities.audio_input, target.capabilities.shutdown) == (True, None)
    at_home = resolve(Config(), "gpt-audio-mini-2025-10-06", HERE).capabilities
    assert at_home is not None
    assert at_home.shutdown == "2026-07-23"


def test_openais_key_does_not_go_to_a_deployment_of_its_own() -> None:
    config = Config(api_key=KEY, deployments={"here": Deployment(model="openai/voxtral", base_url=HERE)})
    endpoint = resolve(config, "here").endpoint
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.api_key) == (HERE, None)


def test_a_deployments_key_goes_to_its_host() -> None:
    own = Deployment(model="openai/gpt-audio", api_key="os.environ/OTHER")
    config = Config(
        api_key=KEY, deployments={"own": own}, environ={"OTHER": "sk-other-01234567"}, base_url=HERE
    )
    endpoint = resolve(config, "own").endpoint
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.api_key) == (OPENAI, Secret("sk-other-01234567"))


def test_a_deployment_of_azure_has_an_address_of_its_own() -> None:
    row = Deployment(
        model="azure/gpt-audio", base_url="https://x.openai.azure.com", api_key="sk-azure-0", api_version="v9"
    )
    target = resolve(Config(deployments={"mine": row}), "mine")
    assert target.endpoint.url == (
        "https://x.openai.azure.com/openai/deployments/gpt-audio/chat/completions?api-version=v9"
    )
    assert target.endpoint.credentials == {"api-key": "sk-azure-0"}
    assert target.capabilities is not None
    assert (target.model, target.capabilities.shutdown) == ("gpt-audio", "2027-03-02")


def test_a_deployment_must_be_somewhere() -> None:
    config = Config(deployments={"x": Deployment(model="elsewhere/model", api_key="sk-0123456789")})
    with pytest.raises(ConfigError, match="no api_base"):
        resolve(config, "x")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("gpt-audio-1.6", "did you mean gpt-audio-1.5"),
        ("openai/gpt-audio-1.6", "did you mean openai/gpt-audio-1.5"),
        ("openai/gpt-audoi-1.5", "did you mean openai/gpt-audio-1.5"),
        ("groq/whisper-large-v3-trubo", "did you mean groq/whisper-large-v3-turbo"),
        ("mistral/voxtral-mini-latset", "did you mean mistral/voxtral-mini-latest"),
        ("gemini/gemini-flash-lates", "did you mean gemini/gemini-flash-latest"),
        ("openrouter/openai/gpt-adio", "did you mean openrouter/openai/gpt-audio"),
        ("opnai/gpt-audio-1.5", "did you mean openai/gpt-audio-1.5"),
        ("opnai/gpt-audoi-1.5", "did you mean openai/gpt-audio-1.5"),
        ("gemni/gemini-flash-latest", "did you mean gemini/gemini-flash-latest"),
        ("lcoal", "did you mean local"),
        ("local/smollm2-135", "did you mean local/smollm2-135m"),
        ("whisper-large-v3-trubo", "did you mean groq/whisper-large-v3-turbo"),
        ("my-modle", "did you mean my-model"),
        ("GPT-AUDIO-1.6", "did you mean gpt-audio-1.5"),
        ("nosuch", "by its base URL"),
        ("nosuch/model", "by its base URL"),
    ],
)
def test_an_unknown_name_is_refused_with_advice(name: str, advice: str) -> None:
    config = Config(api_key=KEY, deployments={"my-model": Deployment(model="openai/gpt-audio")})
    with pytest.raises(UsageError, match=advice):
        resolve(config, name)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("openai/gpt-audio-1.6", "openai/gpt-audio-1.6"),
        ("gpt-audio-1.6", "openai/gpt-audio-1.6"),
        ("gemini/gemini-3.8-flahs", "gemini/gemini-3.8-flahs"),
        ("whisper-large-v4", "groq/whisper-large-v4"),
    ],
)
def test_whoever_forces_a_name_has_it_sent(name: str, sent: str) -> None:
    with pytest.raises(MisspeltModelError):
        resolve(Config(api_key=KEY), name)
    assert resolve(Config(api_key=KEY), name, force=True).name == sent


@pytest.mark.parametrize("name", ["nosuch", "opnai/gpt-audio-1.5", "local/smollm"])
def test_a_name_without_a_provider_cannot_be_forced(name: str) -> None:
    with pytest.raises(UsageError, match="unknown model"):
        resolve(Config(api_key=KEY), name, force=True)


@pytest.mark.parametrize(
    "name", ["openai/gpt-audio-2", "openai/gpt-audio-1.5-2027-01-15", "openai/gpt-5o-voice", "groq/llama-4"]
)
def test_a_name_of_its_own_is_sent(name: str) -> None:
    assert resolve(Config(), name).name == name


@pytest.mark.parametrize("name", ["gpt-audio-1.6", "openai/gpt-audio-1.6", "opnai/gpt-audoi"])
def test_another_server_may_call_its_models_what_it_likes(name: str) -> None:
    assert resolve(Config(), name, HERE).model == name.removeprefix("openai/")


def test_an_alias_may_be_near_to_anything() -> None:
    row = Deployment(model="openai/gpt-audio-1.6", base_url=HERE)
    assert resolve(Config(deployments={"gpt-audio-1.6": row}), "gpt-audio-1.6").model == "gpt-audio-1.6"
    plain = Deployment(model="openai/gpt-audio-1.6")
    assert resolve(Config(deployments={"x": plain}), "x").model == "gpt-audio-1.6"


TODAY = "2026-11-28"


def keyed(*providers: str) -> Config:
    environ = {HOSTS[provider].key_variable: "sk-0123456789abcdef" for provider in providers}
    return Config(api_key=KEY if "openai" in providers else None, environ=environ)


@pytest.mark.parametrize(
    ("providers", "purpose", "wanted", "expected"),
    [
        (["gemini"], "chat", Wanted(), "gemini/gemini-flash-latest"),
        (["gemini", "openai"], "chat", Wanted(), "openai/gpt-audio-1.5"),
        (["mistral"], "chat", Wanted(), "mistral/voxtral-small-latest"),
        (["gemini"], "chat", Wanted(spoken=True), "local/smollm2-135m"),
        (["groq"], "chat", Wanted(), "groq/openai/gpt-oss-120b"),
        (["together_ai"], "chat", Wanted(), "together_ai/openai/gpt-oss-120b"),
        (["fireworks_ai"], "chat", Wanted(), "fireworks_ai/accounts/fireworks/models/gpt-oss-120b"),
        (["groq", "mistral"], "chat", Wanted(), "mistral/voxtral-small-latest"),
        (["groq"], "chat", Wanted(heard=True), "local/smollm2-135m"),
        (["groq"], "chat", Wanted(spoken=True), "local/smollm2-135m"),
        (["mistral"], "chat", Wanted(heard=True), "mistral/voxtral-small-latest"),
        (["together_ai"], "transcription", Wanted(), "together_ai/openai/whisper-large-v3"),
        (["together_ai"], "transcription", Wanted(words=True), "together_ai/openai/whisper-large-v3"),
        (["fireworks_ai"], "transcription", Wanted(), "local/moonshine-tiny-en"),
        (["openrouter", "gemini"], "chat", Wanted(spoken=True), "openrouter/openai/gpt-audio"),
        (["groq"], "transcription", Wanted(words=True), "groq/whisper-large-v3"),
        (["mistral"], "transcription", Wanted(), "mistral/voxtral-mini-latest"),
        (["mistral", "groq"], "transcription", Wanted(speakers=True), "mistral/voxtral-mini-latest"),
        (["gemini", "groq"], "transcription", Wanted(), "groq/whisper-large-v3"),
        (["gemini"], "transcription", Wanted(), "gemini/gemini-flash-latest"),
        (["gemini"], "transcription", Wanted(words=True), "local/moonshine-tiny-en"),
        (["openai", "groq"], "transcription", Wanted(timed=True), "openai/whisper-1"),
        (
            ["openai", "groq"],
            "transcription",
            Wanted(timed=True, today="2027-02-10"),
            "groq/whisper-large-v3",
        ),
        (["openai"], "transcription", Wanted(timed=True, today="2027-02-10"), "openai/whisper-1"),
        (["openai"], "transcription", Wanted(timed=True, today="2027-03-10"), "openai/gpt-transcribe"),
        ([], "chat", Wanted(), "local/smollm2-135m"),
        ([], "transcription", Wanted(), "local/moonshine-tiny-en"),
    ],
)
def test_unnamed_the_model_is_one_whose_key_is_set_and_that_can_do_what_is_asked(
    providers: list[str], purpose: Purpose, wanted: Wanted, expected: str
) -> None:
    wanted = wanted if wanted.today else replace(wanted, today=TODAY)
    target = resolve(keyed(*providers), purpose=purpose, wanted=wanted)
    assert (target.name, target.chosen) == (expected, True)


def test_what_is_chosen_is_known_to_the_table_and_does_not_end_soon() -> None:
    for provider, host in HOSTS.items():
        for model in host.models:
            known = lookup(model, provider)
            assert known is not None, model
            assert not known.ends_soon(TODAY), model


def test_the_keys_that_would_help_are_those_of_hosts_that_can() -> None:
    assert keys_for("chat", Wanted(spoken=True, today=TODAY)) == ["OPENAI_API_KEY", "OPENROUTER_API_KEY"]
    assert "GROQ_API_KEY" in keys_for("transcription", Wanted(words=True, today=TODAY))


def test_a_missing_key_is_an_error_of_asking_and_not_of_looking() -> None:
    target = resolve(Config(), "gpt-audio")
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY") as caught:
        build(target, Config(), lambda what, done, total: None)
    assert caught.value.exit_code == 4


def test_the_embedded_model_is_built_without_a_key() -> None:
    config = Config(cache_dir=Path("/nonexistent"))
    assert isinstance(build(resolve(config, "local"), config, lambda what, done, total: None), LocalProvider)


def test_the_users_model_info_stands_above_the_table() -> None:
    said = Deployment(model="openai/voxtral", base_url=HERE, model_info={"supports_audio_output": True})
    known = resolve(Config(deployments={"x": said}), "x").capabilities
    assert known is not None
    assert known.audio_output is True


def test_a_deployment_of_azure_has_its_own_address_and_key_header() -> None:
    said = Deployment(
        model="azure/audio",
        base_url="os.environ/PLACE",
        api_key="sk-0123456789",
        api_version="2025-04-01-preview",
        headers={"X-Team": "voice"},
    )
    config = Config(deployments={"x": said}, environ={"PLACE": "https://here.openai.azure.com/"})
    target = resolve(config, "x")
    assert target.name == "azure/audio"
    assert target.endpoint.url == (
        "https://here.openai.azure.com/openai/deployments/audio/chat/completions?api-version=2025-04-01-preview"
    )
    assert target.endpoint.credentials == {"api-key": "sk-0123456789"}
    assert target.endpoint.headers == {"X-Team": "voice"}


def test_only_models_within_reach_are_suggested() -> None:
    names = reachable_models()
    assert {"gpt-audio-1.5", "openai/gpt-audio-1.5", "local/smollm2-135m", "gemini/gemini-2.5-flash"} <= {
        *names
    }
    assert not [name for name in names if name.startswith(("deepgram/", "openai/gemini"))]


def test_a_makers_model_is_asked_where_it_can_be() -> None:
    target = resolve(Config(), "gemini-2.5-flash")
    assert target.name == "gemini/gemini-2.5-flash"
    assert target.key_variable == "GEMINI_API_KEY"


def test_of_a_known_model_that_cannot_be_asked_it_says_so() -> None:
    with pytest.raises(UsageError, match="a model of deepgram, which is not asked directly"):
        resolve(Config(), "deepgram/nova-3")


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://openrouter.ai/api/v1", "sk-or-0123456789"),
        ("https://API.openai.com", KEY.value),
        ("https://api.openai.com.example", None),
        ("http://api.openai.com", None),
        (HERE, None),
    ],
)
def test_a_host_that_is_known_gets_its_own_key(url: str, key: str | None) -> None:
    config = Config(api_key=KEY, environ={"OPENROUTER_API_KEY": "sk-or-0123456789"})
    found = server_key(config, url)
    assert (found and found.value) == key


# Who a model at another server belongs to


@pytest.mark.parametrize(
    ("name", "provider", "model", "variable"),
    [
        ("mistral/voxtral-mini-latest", "mistral", "voxtral-mini-latest", "MISTRAL_API_KEY"),
        ("Groq/whisper-large-v3", "groq", "whisper-large-v3", "GROQ_API_KEY"),
        ("hosted_vllm/org/model", "hosted_vllm", "org/model", "HOSTED_VLLM_API_KEY"),
        ("nano-gpt/x", "nano-gpt", "x", "NANO_GPT_API_KEY"),
        ("azure/mine", "azure", "mine", "AZURE_API_KEY"),
        ("openai/mistral/x", "openai", "mistral/x", "OPENAI_API_KEY"),
        ("custom_openai/x", "custom_openai", "x", "OPENAI_API_KEY"),
        ("mistralai/Voxtral-Mini-3B", "openai", "mistralai/Voxtral-Mini-3B", "OPENAI_API_KEY"),
        ("voxtral", "openai", "voxtral", "OPENAI_API_KEY"),
    ],
)
def test_at_another_server_a_model_keeps_its_provider_whose_key_alone_is_sent(
    name: str, provider: str, model: str, variable: str
) -> None:
    set_ = {each.key_variable: f"sk-{each.key_variable}" for each in HOSTS.values() if each.key_variable}
    environ = {
        **set_,
        **{key: f"sk-{key}" for key in ("HOSTED_VLLM_API_KEY", "NANO_GPT_API_KEY", "AZURE_API_KEY")},
    }
    config = Config(api_key=Secret("sk-OPENAI_API_KEY"), environ=environ)
    target = resolve(config, name, HERE)
    assert (target.provider, target.model, target.key_variable) == (provider, model, None)
    assert target.endpoint.api_key == Secret(f"sk-{variable}")
    assert target.endpoint.key_variable == variable
    without = {key: value for key, value in environ.items() if key != variable}
    own = None if variable == "OPENAI_API_KEY" else Secret("sk-OPENAI_API_KEY")
    unkeyed = resolve(Config(api_key=own, environ=without), name, HERE).endpoint
    assert unkeyed is not None
    assert unkeyed.api_key is None


@pytest.mark.parametrize("name", ["anthropic/claude-x", "vertex_ai/gemini-x", "deepgram/nova-3"])
def test_a_model_of_a_service_that_is_not_spoken_with_takes_no_key_elsewhere(name: str) -> None:
    endpoint = resolve(Config(api_key=KEY, environ={"ANTHROPIC_API_KEY": "sk-a"}), name, HERE).endpoint
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.api_key) == (HERE, None)


def test_a_deployment_elsewhere_keeps_its_providers_dialect_and_prices() -> None:
    row = Deployment(model="mistral/voxtral-mini-latest", base_url=HERE, api_key="sk-own-012345")
    target = resolve(Config(api_key=KEY, deployments={"x": row}), "x")
    assert target.name == "mistral/voxtral-mini-latest"
    assert (target.endpoint.base_url, target.endpoint.api_key) == (HERE, Secret("sk-own-012345"))
    assert target.endpoint.dialect == HOSTS["mistral"].dialect
    assert target.endpoint.max_tokens_field == "max_tokens"
    assert target.prices_on(TODAY) == resolve(Config(), "mistral/voxtral-mini-latest").prices_on(TODAY)


def test_openais_own_address_is_asked_as_openai_wherever_it_is_written() -> None:
    row = Deployment(model="openai/gpt-audio", base_url=OPENAI, api_key="sk-own-012345")
    endpoint = resolve(Config(deployments={"x": row}), "x").endpoint
    assert endpoint is not None
    assert endpoint.max_tokens_field == "max_completion_tokens"


def test_a_hosts_own_address_is_that_host() -> None:
    address = HOSTS["groq"].base_url
    target = resolve(Config(api_key=KEY), "openai-gpt-oss", address)
    assert (target.name, target.key_variable) == ("groq/openai-gpt-oss", "GROQ_API_KEY")
    assert target.endpoint.api_key is None
    chosen = resolve(keyed("groq"), base_url=address, purpose="transcription", wanted=Wanted(today=TODAY))
    assert (chosen.name, chosen.chosen) == ("groq/whisper-large-v3", True)


def test_openais_base_url_is_for_its_models_and_for_no_other_providers() -> None:
    environ = {"MISTRAL_API_KEY": "sk-mistral-012345"}
    rows = {"x": Deployment(model="mistral/voxtral-mini-latest"), "y": Deployment(model="openai/y")}
    config = Config(api_key=KEY, base_url=HERE, environ=environ, deployments=rows)
    for name, base_url, key in (
        ("mistral/voxtral-mini-latest", HOSTS["mistral"].base_url, Secret("sk-mistral-012345")),
        ("x", HOSTS["mistral"].base_url, Secret("sk-mistral-012345")),
        ("openai/m", HERE, KEY),
        ("y", HERE, KEY),
        ("anything", HERE, KEY),
    ):
        endpoint = resolve(config, name).endpoint
        assert endpoint is not None
        assert (endpoint.base_url, endpoint.api_key) == (base_url, key)


@pytest.mark.parametrize("model", ["anthropic/claude", "local/smollm2-135m", "echo/echo"])
def test_what_is_not_asked_over_openais_api_has_no_api_base(model: str) -> None:
    config = Config(deployments={"x": Deployment(model=model, base_url=HERE)})
    with pytest.raises(ConfigError, match=r"runs in this process|API of anthropic is not supported"):
        resolve(config, "x")


def test_a_base_url_must_not_contradict_a_rows_own_server() -> None:
    config = Config(deployments={"x": Deployment(model="openai/m", base_url=HERE)})
    with pytest.raises(UsageError, match="server or a key of its own"):
        resolve(config, "x", "http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("address", "key", "sent"),
    [
        ("http://me:p%40ss@127.0.0.1:8000/v1", None, "Basic bWU6cEBzcw=="),
        ("http://me:p@ss@127.0.0.1:8000/v1", None, "Basic bWU6cEBzcw=="),
        ("http://me:p@127.0.0.1:8000/v1", "sk-own-012345", "Bearer sk-own-012345"),
    ],
)
def test_a_password_in_an_address_is_sent_if_there_is_no_key(
    address: str, key: str | None, sent: str
) -> None:
    row = Deployment(model="mistral/m", base_url=address, api_key=key)
    endpoint = resolve(Config(api_key=KEY, deployments={"x": row}), "x").endpoint
    assert endpoint is not None
    assert endpoint.base_url == HERE
    assert endpoint.credentials == {"Authorization": sent}
    assert "p@" not in repr(endpoint)


# What a config says of many models at once


WILDCARDS = {
    "openai/*": Deployment(model="openai/*", base_url=HERE, api_key="sk-company-0123"),
    "openai/gpt-4*": Deployment(model="openai/gpt-4*-x", base_url=f"{HERE}/four"),
    "team/*": Deployment(model="mistral/*", api_key="sk-team-012345"),
    "single": Deployment(model="openai/one", base_url=f"{HERE}/one"),
}


@pytest.mark.parametrize(
    ("name", "model", "base_url", "key"),
    [
        ("openai/gpt-audio", "openai/gpt-audio", HERE, "sk-company-0123"),
        ("gpt-audio-1.5", "openai/gpt-audio-1.5", HERE, "sk-company-0123"),
        ("openai/not-known-yet", "openai/not-known-yet", HERE, "sk-company-0123"),
        ("openai/gpt-4o", "openai/gpt-4o-x", f"{HERE}/four", None),
        (
            "team/voxtral-mini-latest",
            "mistral/voxtral-mini-latest",
            HOSTS["mistral"].base_url,
            "sk-team-012345",
        ),
        ("single", "openai/one", f"{HERE}/one", None),
        ("uno", "openai/one", f"{HERE}/one", None),
        ("best", "openai/gpt-audio", HERE, "sk-company-0123"),
        ("groq/whisper-large-v3", "groq/whisper-large-v3", HOSTS["groq"].base_url, None),
        (None, "openai/gpt-audio-1.5", HERE, "sk-company-0123"),
    ],
)
def test_a_row_for_many_models_and_an_alias_lead_where_a_gateway_goes(
    name: str | None, model: str, base_url: str, key: str | None
) -> None:
    config = Config(api_key=KEY, deployments=WILDCARDS, aliases={"uno": "single", "best": "openai/gpt-audio"})
    target = resolve(config, name)
    assert (target.name, target.endpoint.base_url) == (model, base_url)
    assert target.endpoint.api_key == (Secret(key) if key else None)
    assert target.capabilities == lookup(target.model, target.provider)


def test_a_row_for_every_name_gets_every_name_but_those_of_this_process() -> None:
    config = Config(api_key=KEY, deployments={"*": Deployment(model="openai/*", base_url=HERE)})
    for name in ("anything", "mistral/x", "openai/y"):
        target = resolve(config, name)
        assert (target.model, target.endpoint.base_url) == (name, HERE)
        assert target.endpoint.api_key is None
    assert resolve(config, "local").server is None
    assert resolve(config, "anything", OPENAI).model == "anything"


def test_a_row_of_every_name_at_no_address_only_adds_to_what_a_name_says() -> None:
    rows = {"*": Deployment(model="*", timeout=5, added={"seed": 1})}
    target = resolve(Config(api_key=KEY, deployments=rows), "mistral/voxtral-mini-latest")
    assert (target.name, target.timeout) == ("mistral/voxtral-mini-latest", 5)
    assert target.endpoint.added == {"seed": 1}


def test_of_a_service_that_a_row_has_a_key_for_a_model_is_chosen() -> None:
    rows = {"mistral/*": Deployment(model="mistral/*", api_key="sk-team-012345")}
    target = resolve(Config(deployments=rows), wanted=Wanted(today=TODAY))
    assert (target.name, target.chosen, target.key_variable) == ("mistral/voxtral-small-latest", True, None)


def test_a_deployment_of_azure_has_one_name() -> None:
    rows = {"azure/*": Deployment(model="azure/*", base_url=HERE)}
    with pytest.raises(ConfigError, match="one name"):
        resolve(Config(deployments=rows), "azure/x")


@pytest.mark.parametrize("model", ["local", "echo", "local/smollm2-135m"])
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("temperature", {"added": {"temperature": 0}}),
        ("vendor", {"added": {"vendor": 1}}),
        ("headers", {"headers": {"X-A": "1"}}),
        ("proxy", {"proxy": "http://127.0.0.1:1"}),
        ("additional_drop_params", {"left_out": frozenset({"seed"})}),
        ("api_key", {"api_key": "sk-0123456789"}),
        ("api_base", {"base_url": HERE}),
    ],
)
def test_what_a_row_says_of_a_server_is_refused_for_a_model_in_this_process(
    model: str, name: str, row: dict[str, Any]
) -> None:
    config = Config(deployments={"x": Deployment(model=model, **row)})
    with pytest.raises(ConfigError, match="runs in this process") as caught:
        resolve(config, "x")
    assert name in f"{caught.value.message} {caught.value.hint}"
