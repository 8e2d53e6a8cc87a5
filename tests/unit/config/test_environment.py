"""Environment and config.yaml become one frozen `Config`."""

from pathlib import Path

import pytest

from audiocli.config import Config, Deployment, load
from audiocli.errors import AuthenticationError, ConfigError
from audiocli.secret import Secret

KEY = "sk-test-0123456789"


def loaded(tmp_path: Path, text: str, **environ: str) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load({"HOME": str(tmp_path), **environ}, path)


def test_nothing_is_set_on_a_fresh_machine(tmp_path: Path) -> None:
    config = load({"HOME": str(tmp_path)})
    assert config.model is None
    assert config.openai_key() is None
    assert config.cache_dir == tmp_path / ".cache" / "audiocli"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    text = "model: from-file\nlocal_model: /file.gguf"
    config = loaded(tmp_path, text, AUDIOCLI_MODEL="from-env", AUDIOCLI_LOCAL_MODEL="/env.gguf")
    assert config.model == "from-env"
    assert config.local_model == Path("/env.gguf")
    assert loaded(tmp_path, text).model == "from-file"


def test_the_usual_place_is_read_and_may_be_empty(tmp_path: Path) -> None:
    folder = tmp_path / "audiocli"
    folder.mkdir()
    (folder / "config.yaml").write_text("model: local")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": "/nonexistent"}
    assert load(environ).model == "local"
    (folder / "config.yaml").write_text("# nothing yet\n")
    assert load(environ).model is None


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load({"AUDIOCLI_CONFIG": str(tmp_path / "absent.yaml"), "HOME": str(tmp_path)})


def test_a_litellm_config_gives_names_to_deployments(tmp_path: Path) -> None:
    text = """
        model_list:
          - model_name: fast
            litellm_params: {model: openai/gpt-audio-mini, api_key: os.environ/FAST_KEY}
          - model_name: fast
            litellm_params: {model: openai/second}
          - model_name: here
            litellm_params: {model: openai/voxtral, api_base: http://127.0.0.1:8000/v1}
        general_settings: {master_key: sk-1234}
    """
    config = loaded(tmp_path, text, FAST_KEY=KEY)
    fast, here = config.deployments["fast"], config.deployments["here"]
    assert (fast.model, here.base_url) == ("openai/gpt-audio-mini", "http://127.0.0.1:8000/v1")
    assert config.deployment_key(fast) == Secret(KEY)
    assert config.deployment_key(here) is None


def test_what_is_for_the_gateway_is_passed_over(tmp_path: Path) -> None:
    sections = ("audiocli_settings: {max_body_mb: 3}", "guardrails: [{guardrail_name: pii}]")
    assert loaded(tmp_path, "\n".join(("model: local", *sections))).model == "local"


def test_a_command_reads_what_a_config_includes(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("model_list: [{model_name: a, litellm_params: {model: openai/x}}]")
    assert loaded(tmp_path, "include: [more.yaml]").deployments["a"].model == "openai/x"


def test_a_deployment_has_an_address_and_headers_of_its_own(tmp_path: Path) -> None:
    text = """
        model_list:
          - model_name: mine
            litellm_params:
              model: azure/audio
              base_url: os.environ/PLACE
              api_version: 2025-04-01-preview
              organization: org-1
              extra_headers: {X-Team: os.environ/TEAM}
    """
    config = loaded(tmp_path, text, PLACE="https://here.example")
    mine = config.deployments["mine"]
    assert config.looked_up(mine.base_url or "") == "https://here.example"
    assert mine.headers == {"OpenAI-Organization": "org-1", "X-Team": "os.environ/TEAM"}
    assert config.server_key("https://here.example/v1") is None
    with pytest.raises(ConfigError, match="TEAM is not set"):
        config.looked_up(mine.headers["X-Team"])


def test_a_key_that_is_not_set_is_missed_when_it_is_used(tmp_path: Path) -> None:
    text = "model_list: [{model_name: a, litellm_params: {model: openai/x, api_key: os.environ/ABSENT}}]"
    config = loaded(tmp_path, text)
    with pytest.raises(AuthenticationError, match="ABSENT is not set"):
        config.deployment_key(config.deployments["a"])


def test_a_key_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    config = loaded(tmp_path, f"api_key_file: {tmp_path}/key")
    assert config.openai_key() == Secret(KEY)
    with pytest.raises(AuthenticationError, match="cannot be read"):
        loaded(tmp_path, f"api_key_file: {tmp_path}/absent").openai_key()


def test_a_key_does_not_show(tmp_path: Path) -> None:
    text = f"model_list: [{{model_name: a, litellm_params: {{model: openai/x, api_key: {KEY}}}}}]"
    config = loaded(tmp_path, text, OPENAI_API_KEY=KEY)
    assert KEY not in repr(config)
    assert config.deployment_key(config.deployments["a"]) == Secret(KEY)


@pytest.mark.parametrize("key", ["sk-test\r\nX-Other: 1", "sk-tést-012345", "two words", "k" * 5000])
def test_what_cannot_be_a_key_is_refused_without_showing_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        load({"OPENAI_API_KEY": key, "HOME": str(tmp_path)})
    assert caught.value.exit_code == 4
    assert key[:7] not in str(caught.value)


@pytest.mark.parametrize("key", ["", "  ", "\n"])
def test_an_empty_key_is_none(tmp_path: Path, key: str) -> None:
    assert load({"OPENAI_API_KEY": key, "HOME": str(tmp_path)}).openai_key() is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("model: [", "not valid YAML"),
        ("[]", "not a mapping"),
        ("text", "not a mapping"),
        ("model: 3", "model must be text"),
        ("modle: gpt-audio", "line 1: unknown key 'modle'"),
        ("model_list: {}", "must be a list"),
        ("model_list: [{model_name: a}]", "line 1: a row of model_list lacks"),
        ("model_list: [{model_name: a, litellm_params: {model: x, api_base: [3]}}]", "api_base must be text"),
        ("model_list: [{model_name: a, litellm_params: {model: x, extra_headers: 3}}]", "must be a mapping"),
        ("model: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("model: \x00", "not valid YAML"),
        ("model: " + "[" * 5000, "not valid YAML"),
        ("a: &a [x]\n" + "".join(f"{n}: &{n} [*a, *a]\n" for n in "bcdef"), "unknown key"),
        ("#" * 1024 * 1025, "larger than 1 MB"),
    ],
)
def test_a_broken_config_is_one_clear_error(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        loaded(tmp_path, text)
    assert len(str(caught.value)) < 600


def test_the_sample_is_a_config() -> None:
    config = load({"HOME": "/nonexistent"}, Path(__file__).parents[3] / "samples" / "config.yaml")
    assert config.model == "fast"
    assert config.deployments["at-home"].model_info["supports_audio_output"] is False


def test_a_server_is_known_by_its_scheme_host_and_port() -> None:
    deployment = Deployment(model="openai/x", base_url="http://there:8000/v1", api_key="sk-there-01234567")
    config = Config(api_key=Secret(KEY), base_url="http://here:4000/v1", deployments={"x": deployment})
    assert config.server_key("http://HERE:4000") == Secret(KEY)
    assert config.server_key("http://there:8000/") == Secret("sk-there-01234567")
    for other in (
        "https://here:4000",
        "http://here:4001",
        "http://here:4000@evil",
        "https://api.openai.com/v1",
    ):
        assert config.server_key(other) is None


def test_a_host_gets_the_key_of_its_own_variable() -> None:
    config = Config(api_key=Secret(KEY), environ={"OTHER_API_KEY": "sk-other-01234567\n"})
    assert config.host_key("OPENAI_API_KEY") == Secret(KEY)
    assert config.host_key("OTHER_API_KEY") == Secret("sk-other-01234567")
    assert config.host_key("ABSENT_API_KEY") is None
