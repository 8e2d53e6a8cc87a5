"""The sections of a config file: those that are ours, those of LiteLLM, and those that nobody knows."""

from collections.abc import Mapping

from audiocli.config.problems import Note, refuse
from audiocli.config.section import Section
from audiocli.config.values import looked_up
from audiocli.errors import ConfigError
from audiocli.printable import one_line, quoted

OWN_SECTIONS = frozenset({"model", "model_list", "api_key_file", "local_model", "capabilities_sources"})
_SERVER_SECTIONS = frozenset(
    {
        *("audiocli_settings", "credential_list", "environment_variables", "general_settings", "include"),
        *("litellm_settings", "router_settings"),
    }
)

ROUTING_SECTIONS = ("router_settings", "litellm_settings")
"""The first that has a key decides."""

OTHER_SECTIONS = frozenset(
    {
        "agent_list",
        "assistant_settings",
        "callback_settings",
        "default_vertex_config",
        "files_settings",
        "finetune_settings",
        "guardrails",
        "mcp_aliases",
        "mcp_servers",
        "mcp_tools",
        "policies",
        "prompts",
        "search_tools",
        "vector_store_registry",
        "worker_registry",
    }
)
"""LiteLLM's, as of release 1.109, for things that are not done here."""


def check_sections(document: Section, note: Note = refuse) -> None:
    """A section that nobody knows is a `ConfigError`, with its line, for `note`."""
    known = OWN_SECTIONS | _SERVER_SECTIONS
    for name in document:
        if name not in known | OTHER_SECTIONS:
            from audiocli.wire.litellm import nearest

            close = nearest(name, known | OTHER_SECTIONS)
            hint = f"did you mean {close}?" if close else f"it may have {', '.join(sorted(known))}"
            unknown = f"unknown key {quoted(one_line(name, 60))} in the config"
            note(ConfigError(f"{document.where(name)}: {unknown}", hint=hint))


def with_variables(document: Section, environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ`, and what the config's `environment_variables` adds to it."""
    section = document.section("environment_variables")
    added = {
        name: looked_up(str(value), environ, section.where(name))
        for name, value in section.items()
        if value is not None
    }
    return {**environ, **added} if added else environ
