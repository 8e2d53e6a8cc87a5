"""Further names of models, of a config's `model_group_alias`."""

from audiocli.config.section import Section
from audiocli.config.values import Choices, text_of
from audiocli.errors import ConfigError

KEY = "model_group_alias"


def alias_section(routing: Choices) -> Section:
    section = routing.get(KEY)
    if section is None or isinstance(section, Section):
        return section or Section()
    raise ConfigError(f"{routing.where(KEY)}: {KEY} must be a mapping")


def read_aliases(routing: Choices) -> dict[str, str]:
    """What each stands for."""
    section = alias_section(routing)
    return {alias: _stands_for(section, alias) for alias in section}


def _stands_for(section: Section, alias: str) -> str:
    value = section[alias]
    if isinstance(value, Section):  # LiteLLM's form for one that may be hidden from the list
        value = value.get("model")
    return text_of(value, alias, section.where(alias))
