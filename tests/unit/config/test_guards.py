"""A setting that limits who may ask, for what, or how much is never without effect in silence."""

from pathlib import Path
from typing import Any

import pytest

from audiocli.errors import ConfigError
from audiocli.gateway.config.settings import Settings, load_settings

ROW = "model_list: [{model_name: m, litellm_params: {model: openai/m, api_base: 'http://x/v1'PARAMS}}]\n"


def settings(folder: Path, text: str, params: str = "") -> Settings:
    (folder / "config.yaml").write_text(ROW.replace("PARAMS", params) + text)
    return load_settings(folder / "config.yaml", {"HOME": str(folder)})


GUARDS = [
    ("guardrails", "guardrails: [{guardrail_name: pii}]"),
    ("guardrails", "litellm_settings: {guardrails: [{x: {callbacks: [hide_secrets]}}]}"),
    ("max_budget", "litellm_settings: {max_budget: 0}"),
    ("budget_duration", "litellm_settings: {budget_duration: 30d}"),
    ("max_budget", "general_settings: {max_budget: 10}"),
    ("allowed_routes", "general_settings: {allowed_routes: [/chat]}"),
    ("admin_only_routes", "general_settings: {admin_only_routes: [/health]}"),
    ("allowed_ips", "general_settings: {allowed_ips: [10.0.0.1]}"),
    ("max_parallel_requests", "general_settings: {max_parallel_requests: 3}"),
    ("global_max_parallel_requests", "general_settings: {global_max_parallel_requests: 3}"),
    ("custom_auth", "general_settings: {custom_auth: mine.auth}"),
    ("enable_jwt_auth", "general_settings: {enable_jwt_auth: true}"),
    ("enable_oauth2_auth", "general_settings: {enable_oauth2_auth: true}"),
    ("enforce_user_param", "general_settings: {enforce_user_param: true}"),
    ("provider_budget_config", "router_settings: {provider_budget_config: {openai: {budget_limit: 1}}}"),
    ("enable_tag_filtering", "router_settings: {enable_tag_filtering: true}"),
    ("default_max_parallel_requests", "router_settings: {default_max_parallel_requests: 1}"),
    ("router_budget_limiting", "router_settings: {optional_pre_call_checks: [router_budget_limiting]}"),
    *(
        (name, f"litellm_settings: {{callbacks: [langfuse, {name}]}}")
        for name in ("detect_prompt_injection", "llamaguard_moderations", "hide_secrets", "presidio")
    ),
    ("banned_keywords", "litellm_settings: {callbacks: banned_keywords}"),
    ("my_rules.instance", "litellm_settings: {callbacks: [my_rules.instance]}"),
]


@pytest.mark.parametrize(("name", "text"), GUARDS)
def test_a_safety_setting_is_refused_with_its_line_unless_it_may_be_ignored(
    tmp_path: Path, name: str, text: str
) -> None:
    with pytest.raises(ConfigError, match=rf"line 2: the safety setting {name} is not supported") as caught:
        settings(tmp_path, text)
    assert f"ignore: [{name}]" in str(caught.value)
    accepted = settings(tmp_path, f"{text}\naudiocli_settings: {{ignore: [{name}]}}")
    assert any(f"{name} is ignored" in line for line in accepted.warnings)


@pytest.mark.parametrize(
    "name", ["guardrails", "max_budget", "budget_duration", "max_parallel_requests", "rpd"]
)
def test_a_rows_safety_setting_is_refused_too(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"line 1: {name} is not supported"):
        settings(tmp_path, "", f", {name}: 5")
    assert settings(tmp_path, f"audiocli_settings: {{ignore: [{name}]}}", f", {name}: 5").deployments


@pytest.mark.parametrize(
    "text",
    [
        *("guardrails: []", "general_settings: {enable_jwt_auth: false, allowed_ips: }"),
        *("litellm_settings: {max_budget: null, callbacks: []}", "litellm_settings: {callbacks: [otel, s3]}"),
        "router_settings: {optional_pre_call_checks: [prompt_caching]}",
        "router_settings: {default_litellm_params: {temperature: 1}}",
    ],
)
def test_what_guards_nothing_is_served(tmp_path: Path, text: str) -> None:
    assert settings(tmp_path, text).deployments


@pytest.mark.parametrize(
    ("section", "slip", "meant"),
    [
        ("general_settings", "master_kee", "master_key"),
        ("general_settings", "master-key", "master_key"),
        ("general_settings", "allowed_ip", "allowed_ips"),
        ("litellm_settings", "gaurdrails", "guardrails"),
        ("litellm_settings", "callback", "callbacks"),
    ],
)
def test_a_slip_in_a_safety_setting_is_an_error(tmp_path: Path, section: str, slip: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"line 2: unknown key '{slip}' in {section}; did you mean {meant}"):
        settings(tmp_path, f"{section}: {{{slip}: sk-0123456789abcdef}}")


def test_a_slip_in_what_may_be_ignored_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown setting 'max_budgets'; did you mean max_budget"):
        settings(tmp_path, "audiocli_settings: {ignore: [max_budgets]}")


def test_rows_that_are_left_out_are_not_looked_at(tmp_path: Path) -> None:
    row = (
        "{model_name: b, litellm_params: {model: bedrock/x, aws_region_name: us, safety: 1, guardrails: [a]}}"
    )
    (tmp_path / "config.yaml").write_text(ROW.replace("PARAMS", "").replace("}]\n", f"}}, {row}]\n"))
    read = load_settings(tmp_path / "config.yaml", {"HOME": str(tmp_path)})
    assert [each.group for each in read.deployments] == ["m"]


def _params(**params: Any) -> str:
    return "".join(f", {name}: {value}" for name, value in params.items())


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("api_kee", "api_key"), ("api-key", "api_key"), ("API_KEY", "api_key"), ("temprature", "temperature")],
)
def test_a_misspelt_member_of_a_row_is_an_error_that_does_not_show_its_value(
    tmp_path: Path, slip: str, meant: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, "", _params(**{slip: "sk-secret-0123456789"}))
    said = str(caught.value)
    assert f"line 1: unknown key '{slip}' in litellm_params; did you mean {meant}?" in said
    assert "extra_body" in said
    assert "secret" not in said


def test_what_only_a_service_knows_is_in_extra_body(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown key 'vendor_mode'"):
        settings(tmp_path, "", _params(vendor_mode="fast"))
    read = settings(tmp_path, "", _params(extra_body="{vendor_mode: fast}", temperature=0.5, tags="[a]"))
    assert read.deployments[0].extra_body == {"vendor_mode": "fast", "temperature": 0.5}


def test_a_credential_is_checked_like_its_row(tmp_path: Path) -> None:
    text = "credential_list: [{credential_name: c, credential_values: {api_kee: sk-0123456789}}]"
    with pytest.raises(ConfigError, match="line 2: unknown key 'api_kee'"):
        settings(tmp_path, text, _params(litellm_credential_name="c"))


@pytest.mark.parametrize(
    "name", ["ssl_verify: false", "aws_role_name: a", "use_litellm_proxy: true", "client: x"]
)
def test_what_would_change_how_a_request_is_sent_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is not supported"):
        settings(tmp_path, "", f", {name}")
    assert settings(tmp_path, "", ", ssl_verify: true").deployments


@pytest.mark.parametrize(
    "text", ["", "model_list:\n", "model_list: []\n", "include: [more.yaml]\nmodel_list:\n"]
)
def test_a_config_that_names_no_model_serves_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "more.yaml").write_text("general_settings: {master_key: sk-1234}\n")
    (tmp_path / "config.yaml").write_text(text + "litellm_settings: {set_verbose: false}\n")
    with pytest.raises(ConfigError, match="model_list is empty"):
        load_settings(
            tmp_path / "config.yaml", {"HOME": str(tmp_path), "OPENAI_API_KEY": "sk-0123456789abcdef"}
        )


def test_the_models_that_are_included_count(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(ROW.replace("PARAMS", ""))
    (tmp_path / "config.yaml").write_text("include: [more.yaml]\n")
    assert load_settings(tmp_path / "config.yaml", {"HOME": str(tmp_path)}).deployments[0].group == "m"
