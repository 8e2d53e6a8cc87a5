"""LiteLLM's settings that limit who may ask, for what, or how much: one without effect leaves a door open.

From the reference of its settings, release 1.110, and from its list of callbacks.
"""

from collections.abc import Iterator

from audiocli.config.problems import Note, refuse, tried
from audiocli.config.rows import IGNORE, OWN_SECTION, ignored, read_rows, unsupported
from audiocli.config.section import Section
from audiocli.errors import ConfigError
from audiocli.printable import one_line, quoted
from audiocli.wire.litellm import OWN, is_set, nearest

SETTINGS = frozenset(
    {
        # Who may ask.
        *("admin_only_routes", "allow_user_auth", "allowed_ips", "allowed_routes", "custom_auth"),
        *("custom_auth_settings", "enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth"),
        *("enable_tag_filtering", "litellm_jwtauth", "oauth2_config_mappings", "role_permissions"),
        *("service_account_settings", "user_header_mappings"),
        # What may be asked, and answered.
        *("banned_keywords_list", "blocked_user_list", "content_filter", "enable_json_schema_validation"),
        *("enforce_user_param", "enforced_params", "google_moderation_confidence_threshold", "guardrails"),
        *("lakera_ai_config", "llamaguard_model_name", "llamaguard_unsafe_content_categories"),
        *("llm_guard_mode", "max_request_size_mb", "max_response_size_mb", "output_parse_pii"),
        *("openai_moderations_model_name", "pii_masking", "policies", "policy_attachments"),
        *("presidio_ad_hoc_recognizers", "prompt_injection_params", "reject_clientside_metadata_tags"),
        # How much.
        *("budget_duration", "default_internal_user_params", "default_key_generate_params"),
        *("default_max_internal_user_budget", "default_max_parallel_requests", "default_team_params"),
        *("default_team_settings", "global_max_parallel_requests", "internal_user_budget_duration"),
        *("max_budget", "max_end_user_budget", "max_end_user_budget_id", "max_internal_user_budget"),
        *("max_parallel_requests", "max_user_budget", "provider_budget_config", "tag_budget_config"),
        *("upperbound_key_generate_params", "user_budget"),
    }
)

CALLBACK_LISTS = frozenset({"callbacks", "pre_call_hooks", "post_call_hooks", "optional_pre_call_checks"})

LOGGERS = frozenset(
    {
        *("agentops", "argilla", "arize", "arize_phoenix", "athina", "aws_sqs", "azure_sentinel"),
        *("azure_storage", "bitbucket", "braintrust", "cloudzero", "custom_callback_api", "datadog"),
        *("datadog_cost_management", "datadog_llm_observability", "deepeval", "dotprompt", "dynamodb"),
        *("email", "focus", "galileo", "gcs_bucket", "gcs_pubsub", "generic", "generic_api", "gitlab"),
        *("greenscale", "helicone", "humanloop", "lago", "langfuse", "langfuse_otel", "langsmith"),
        *("langtrace", "levo", "literalai", "logfire", "logfire_logger", "lunary", "mlflow", "openmeter"),
        *("opentelemetry", "opik", "otel", "posthog", "prometheus", "promptlayer", "resend_email", "s3"),
        *("s3_v2", "sendgrid_email", "sentry", "slack", "smtp_email", "sqs", "supabase", "traceloop"),
        *("vantage", "wandb", "weave", "weave_otel", "websearch_interception"),
        # Checks that choose a deployment, and refuse nothing.
        *("deployment_affinity", "prompt_caching", "responses_api_deployment_check", "session_affinity"),
    }
)
"""Callbacks that only watch. Any other may refuse or change a request: a guard, or somebody's own code."""

_NAMES = SETTINGS | {name for name, argument in OWN.items() if argument.row in ("guard", "unsupported")}


def check_guards(document: Section, note: Note = refuse) -> Iterator[str]:
    """A line for each setting that may have no effect. One that may not is a `ConfigError` for `note`."""
    accepted = ignored(document)
    found = [*_settings(document), *_callbacks(document), *_members(document)]
    tried(lambda: _check_accepted(document, {name for _, name, _ in found}), None, note)
    for where, name, error in found:
        if name in accepted:
            yield f"{where}: {name} is ignored, as {OWN_SECTION}.{IGNORE} has it"
        else:
            note(error)


_Found = tuple[str, str, ConfigError]
"""Where a setting is, its name, and the error that it is unless it may be ignored."""


def _settings(document: Section) -> Iterator[_Found]:
    sections = [document, *(each for name, each in document.items() if isinstance(each, Section))]
    for section in sections:
        if section is not document.get(OWN_SECTION):
            for name in section:
                if name in SETTINGS and is_set(name, section[name]):
                    yield _found(section, name, name)


def _callbacks(document: Section) -> Iterator[_Found]:
    sections = (each for each in document.values() if isinstance(each, Section))
    for section in sections:
        for key in CALLBACK_LISTS & section.keys():
            value = section[key]
            for name in value if isinstance(value, list) else [value]:
                if is_set(key, name) and name not in LOGGERS:
                    yield _found(section, key, one_line(str(name), 100))


def _members(document: Section) -> Iterator[_Found]:
    for row in read_rows(document):
        for name in [] if row.is_foreign else row.of("guard", "unsupported"):
            yield row.params.where(name), name, unsupported(row, name)


def _found(section: Section, key: str, name: str) -> _Found:
    advice = f"remove it, or accept that it has no effect: {OWN_SECTION}.{IGNORE}: [{name}]"
    where = section.where(key)
    return where, name, ConfigError(f"{where}: the safety setting {name} is not supported", hint=advice)


def _check_accepted(document: Section, present: set[str]) -> None:
    """A name in `ignore` that is not a setting is a misspelt one."""
    own = document.section(OWN_SECTION)
    for name in ignored(document) - present - _NAMES - LOGGERS:
        if close := nearest(name, present | _NAMES):
            raise ConfigError(
                f"{own.where(IGNORE)}: unknown setting {quoted(name)}", hint=f"did you mean {close}?"
            )
