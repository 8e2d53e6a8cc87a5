"""LiteLLM's own arguments, as of release 1.110, and OpenAI's members, by which both are told apart.

LiteLLM takes arguments of its own beside the members of a request: in `completion`, in a row's
`litellm_params`, and in a request to its proxy. None of them is ever sent to a service. `OWN` is the list,
with what each does at each of these doors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Row = Literal["used", "shared", "ignored", "unsupported", "guard"]
"""What a member of `litellm_params` does. `used`: what it says, at every door. `shared`: what it says, in a
gateway; a command asks one deployment, and has no use for it. `ignored`: nothing, and nothing that is sent
depends on it. `unsupported`: it would change what is sent, or how, or where, and is refused, unless
`audiocli_settings.ignore` has it. `guard`: the same, for what limits who may ask, for what, or how much.
"""

Call = Literal["used", "ignored", "unsupported"]
"""What an argument of `completion` does, in the same words."""

Asked = Literal["ignored", "refused"]
"""What a member of a request to the gateway does. `refused`: only the config decides on that."""


@dataclass(frozen=True)
class Argument:
    """What one of LiteLLM's arguments does at each door."""

    row: Row
    call: Call
    asked: Asked


def _all(names: str, row: Row, call: Call, asked: Asked) -> dict[str, Argument]:
    return dict.fromkeys(names.split(), Argument(row, call, asked))


OWN: Mapping[str, Argument] = {
    # Where a request goes, and with which key and headers.
    **_all("api_base base_url api_key api_version organization", "used", "used", "refused"),
    **_all("headers extra_headers extra_body custom_llm_provider", "used", "used", "refused"),
    **_all("api_key_file litellm_credential_name", "used", "unsupported", "refused"),
    **_all("proxy", "used", "unsupported", "refused"),
    # How long it is waited for, and how often it is asked again.
    **_all("timeout request_timeout num_retries max_retries", "used", "used", "refused"),
    **_all("stream_timeout", "shared", "ignored", "refused"),
    **_all("force_timeout", "ignored", "ignored", "refused"),
    # What is answered in place of the model, or by another.
    **_all("mock_response", "used", "used", "refused"),
    **_all("fallbacks", "shared", "used", "refused"),
    **_all("context_window_fallbacks content_policy_fallbacks", "ignored", "ignored", "refused"),
    **_all("context_window_fallback_dict disable_fallbacks max_fallbacks", "ignored", "ignored", "refused"),
    **_all("mock_timeout mock_delay mock_tool_calls", "unsupported", "unsupported", "refused"),
    **_all("mock_testing_fallbacks mock_testing_context_fallbacks", "ignored", "ignored", "refused"),
    **_all("mock_testing_content_policy_fallbacks", "ignored", "ignored", "refused"),
    **_all("mock_testing_rate_limit_error", "ignored", "ignored", "refused"),
    # Which deployment is asked.
    **_all("rpm tpm weight order", "shared", "ignored", "ignored"),
    **_all("priority", "ignored", "ignored", "ignored"),
    **_all("cooldown_time retry_policy retry_strategy fastest_response", "ignored", "ignored", "refused"),
    **_all("allowed_fails allowed_fails_policy routing_strategy", "ignored", "ignored", "refused"),
    **_all("model_list user_config router_settings_override", "unsupported", "unsupported", "refused"),
    **_all("auto_router_config auto_router_config_path", "unsupported", "unsupported", "refused"),
    **_all("auto_router_default_model auto_router_embedding_model", "unsupported", "unsupported", "refused"),
    **_all("model_config specific_deployment fallback_depth", "ignored", "ignored", "refused"),
    # What is left out of a request.
    **_all("drop_params additional_drop_params", "used", "used", "ignored"),
    **_all("allowed_openai_params", "ignored", "ignored", "ignored"),
    # What is known of the model.
    **_all("base_model", "used", "ignored", "ignored"),
    **_all("max_input_tokens max_output_tokens mode", "used", "ignored", "ignored"),
    **_all("model_info hf_model_name", "ignored", "ignored", "ignored"),
    # Logs, caches and what else LiteLLM keeps of a request.
    **_all("metadata litellm_metadata tags id deployment_id", "ignored", "ignored", "ignored"),
    **_all("no-log no_log verbose logger_fn callbacks", "ignored", "ignored", "ignored"),
    **_all("success_callback failure_callback service_callback", "ignored", "ignored", "ignored"),
    **_all("cache caching cache_key preset_cache_key caching_groups", "ignored", "ignored", "ignored"),
    **_all("ttl s-maxage no-cache no-store", "ignored", "ignored", "ignored"),
    **_all("litellm_call_id litellm_trace_id litellm_session_id", "ignored", "ignored", "refused"),
    **_all("litellm_logging_obj litellm_parent_otel_span", "ignored", "ignored", "refused"),
    **_all("turn_off_message_logging standard_callback_dynamic_params", "ignored", "ignored", "ignored"),
    **_all("langfuse_public_key langfuse_secret langfuse_secret_key", "ignored", "ignored", "refused"),
    **_all("langfuse_host langsmith_api_key langsmith_project", "ignored", "ignored", "refused"),
    **_all("langsmith_base_url arize_api_key arize_space_key", "ignored", "ignored", "refused"),
    **_all("posthog_api_key posthog_host wandb_api_key weave_project_id", "ignored", "ignored", "refused"),
    **_all("gcs_bucket_name gcs_path_service_account s3_bucket_name", "ignored", "ignored", "refused"),
    **_all("s3_encryption_key_id", "ignored", "ignored", "refused"),
    **_all(
        "proxy_server_request complete_response acompletion atext_completion", "ignored", "ignored", "refused"
    ),
    **_all("aembedding atranscription aspeech async_call text_completion", "ignored", "ignored", "refused"),
    **_all("use_in_pass_through use_client search_tool_name", "ignored", "ignored", "refused"),
    **_all("vector_store_id milvus_text_field", "ignored", "ignored", "refused"),
    **_all("configurable_clientside_auth_params", "ignored", "ignored", "refused"),
    # What is sent is put into another form.
    **_all("assistant_continue_message user_continue_message", "unsupported", "unsupported", "refused"),
    **_all("ensure_alternating_roles supports_system_message", "unsupported", "unsupported", "refused"),
    **_all("merge_reasoning_content_in_choices", "unsupported", "unsupported", "refused"),
    **_all("initial_prompt_value final_prompt_value roles", "unsupported", "unsupported", "refused"),
    **_all("bos_token eos_token use_chat_completions_api", "unsupported", "unsupported", "refused"),
    **_all("prompt_id prompt_variables prompt_label prompt_version", "unsupported", "unsupported", "refused"),
    **_all("disable_add_transform_inline_image_block", "ignored", "ignored", "ignored"),
    # How a connection is made, and other ways to be let in.
    **_all("ssl_verify ssl_certificate ssl_security_level", "unsupported", "unsupported", "refused"),
    **_all("client aclient http_client shared_session", "unsupported", "unsupported", "refused"),
    **_all("default_headers extra_query api_type deployment", "unsupported", "unsupported", "refused"),
    **_all("provider_specific_header use_litellm_proxy", "unsupported", "unsupported", "refused"),
    **_all("azure_ad_token azure_ad_token_provider azure_scope", "unsupported", "unsupported", "refused"),
    **_all("azure_username azure_password", "unsupported", "unsupported", "refused"),
    **_all("tenant_id client_id client_secret credentials", "unsupported", "unsupported", "refused"),
    **_all("aws_access_key_id aws_secret_access_key", "unsupported", "unsupported", "refused"),
    **_all("aws_session_token aws_session_name aws_profile_name", "unsupported", "unsupported", "refused"),
    **_all("aws_role_name aws_region_name aws_external_id", "unsupported", "unsupported", "refused"),
    **_all("aws_bedrock_runtime_endpoint aws_sts_endpoint", "unsupported", "unsupported", "refused"),
    **_all("aws_web_identity_token", "unsupported", "unsupported", "refused"),
    **_all("vertex_credentials vertex_location vertex_project", "unsupported", "unsupported", "refused"),
    **_all("vertex_ai_project vertex_ai_location", "unsupported", "unsupported", "refused"),
    **_all("vertex_ai_credentials", "unsupported", "unsupported", "refused"),
    **_all("region_name watsonx_region_name", "unsupported", "unsupported", "refused"),
    # What limits who may ask, for what, or how much.
    **_all("guardrails guardrail_config allowed_model_region", "guard", "unsupported", "refused"),
    **_all("max_budget budget_duration max_parallel_requests", "guard", "unsupported", "refused"),
    **_all("rpd tpd itpm otpm max_file_size_mb", "guard", "unsupported", "refused"),
}

REFUSED = frozenset(name for name, argument in OWN.items() if argument.asked == "refused")
IGNORED = frozenset(name for name, argument in OWN.items() if argument.asked == "ignored")
"""Members of a request to the gateway."""

_UNSET: Mapping[str, object] = {"ssl_verify": True, "supports_system_message": True}
"""Values that ask for nothing, of arguments that mean something by `false`."""

_PRICE, _ABILITY = "_cost", "supports_"
"""What LiteLLM's names for prices and for abilities have in them."""

CHAT = frozenset(
    {
        *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
        *("max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model", "moderation"),
        *("n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key"),
        *("prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format"),
        *("safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options"),
        *("temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity"),
        *("web_search_options", "thinking"),  # the last is LiteLLM's name for what some services call so
    }
)
TRANSCRIPTION = frozenset(
    {
        *("chunking_strategy", "file", "include", "keywords", "known_speaker_names"),
        *(
            "known_speaker_references",
            "language",
            "languages",
            "model",
            "prompt",
            "response_format",
            "stream",
        ),
        *("temperature", "timestamp_granularities", "timestamp_granularities[]"),
    }
)
SPEECH = frozenset({"input", "instructions", "model", "response_format", "speed", "stream_format", "voice"})

MEMBERS = CHAT | TRANSCRIPTION | SPEECH
"""What OpenAI's requests may have."""

HARMLESS = frozenset(
    {
        *(
            "audio",
            "chunking_strategy",
            "format",
            "frequency_penalty",
            "include_usage",
            "language",
            "languages",
        ),
        *(
            "logprobs",
            "max_completion_tokens",
            "max_tokens",
            "modalities",
            "model",
            "n",
            "parallel_tool_calls",
        ),
        *(
            "presence_penalty",
            "reasoning_effort",
            "response_format",
            "seed",
            "service_tier",
            "speed",
            "store",
        ),
        *(
            "stream",
            "stream_format",
            "stream_options",
            "temperature",
            "timestamp_granularities",
            "top_logprobs",
        ),
        *("timestamp_granularities[]", "top_p", "type", "verbosity", "voice"),
    }
)
"""Members whose values may be shown, at the top and within one another. Any other may be a key, or words."""


def argument(name: str) -> Argument | None:
    """What `name` is, if it is LiteLLM's own; `None` for what belongs to a request."""
    found = OWN.get(name)
    if found is None and (_PRICE in name or name.startswith(_ABILITY)):
        return OWN["base_model"]
    return found


def is_set(name: str, value: object) -> bool:
    """Whether an argument asks for anything: `guardrails: []` and `ssl_verify: true` do not."""
    if name in _UNSET:
        return value is not None and value is not _UNSET[name]
    return value is not None and value is not False and value not in ("", [], {})


def refused(name: str) -> bool:
    """Whether only the config decides on what a member of a request is for.

    The same name in another case is refused too: a service that ignores case would take it for this one.
    """
    folded = name.casefold()
    return folded in REFUSED or folded.startswith("litellm_") or _PRICE in folded


def nearest(name: str, names: Iterable[str], likeness: float = 0.7) -> str | None:
    """The one of `names` that `name` may have been meant for: the most alike, from 0 to 1."""
    import difflib  # Only for what is wrong.

    folded = {each.lower().replace("-", "_"): each for each in names}
    close = difflib.get_close_matches(name.lower().replace("-", "_"), folded, n=1, cutoff=likeness)
    return folded[close[0]] if close else None
