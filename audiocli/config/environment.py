"""Environment and config.yaml, read once into a frozen `Config`.

The file is LiteLLM's: its `model_list` gives names to deployments, which are the aliases that `--model`
takes. Of our own are `model` (the default), `api_key_file`, `local_model` and `capabilities_sources`.
Sections that only a server needs are skipped here.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from audiocli.config.aliases import read_aliases
from audiocli.config.config import OPENAI_KEY_VARIABLE, Config, Deployment, checked_key
from audiocli.config.section import Section
from audiocli.config.sections import ROUTING_SECTIONS, check_sections, with_variables
from audiocli.config.values import Choices
from audiocli.errors import ConfigError


def load(environ: Mapping[str, str], path: Path | None = None) -> Config:
    """The configuration. `path`, then `AUDIOCLI_CONFIG`, name a file that must exist; else the usual place is
    looked at. Raises `ConfigError`, and `AuthenticationError` for a key that cannot be one.
    """
    named = path or _path(environ.get("AUDIOCLI_CONFIG"))
    document = _read(named) if named else _read_if_there(_directory(environ, "XDG_CONFIG_HOME", ".config"))
    environ = with_variables(document, environ)
    key = environ.get(OPENAI_KEY_VARIABLE, "").strip()
    local = environ.get("AUDIOCLI_LOCAL_MODEL") or _text(document, "local_model")
    return Config(
        model=environ.get("AUDIOCLI_MODEL") or _text(document, "model"),
        deployments=_deployments(document, environ),
        aliases=read_aliases(Choices(document, ROUTING_SECTIONS, environ)),
        api_key=checked_key(key, OPENAI_KEY_VARIABLE) if key else None,
        api_key_file=_path(_text(document, "api_key_file")),
        base_url=environ.get("OPENAI_BASE_URL") or None,
        headers=_headers(environ),
        local_model=_path(local),
        timeout=_seconds(document, environ),
        retries=_count(document, environ),
        capabilities_sources=_sources(document),
        cache_dir=_directory(environ, "XDG_CACHE_HOME", ".cache"),
        state_dir=_directory(environ, "XDG_STATE_HOME", os.path.join(".local", "state")),
        environ=environ,
    )


def _headers(environ: Mapping[str, str]) -> dict[str, str]:
    names = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
    return {header: environ[name] for name, header in names.items() if environ.get(name)}


def _path(text: str | None) -> Path | None:
    return Path(os.path.expanduser(text)) if text else None


def _directory(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    """Our folder of one kind: where the XDG specification has it, which has a relative path ignored."""
    base = environ.get(variable, "")
    home = environ.get("HOME") or os.path.expanduser("~")
    return Path(base if os.path.isabs(base) else os.path.join(home, fallback)) / "audiocli"


# The file


def _read_if_there(directory: Path) -> Section:
    path = directory / "config.yaml"
    return _read(path) if path.is_file() else Section()


def _read(path: Path) -> Section:
    from audiocli.config.document import read_documents  # 10 ms, and only where there is a file

    document, _ = read_documents(path, may_be_empty=True)
    check_sections(document)
    return document


def _text(document: Section, name: str) -> str | None:
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(f"{document.where(name)}: {name} must be text, not {type(value).__name__}")


def _deployments(document: Section, environ: Mapping[str, str]) -> dict[str, Deployment]:
    if "model_list" not in document:
        return {}
    from audiocli.config.deployments import read_deployments  # Not for a config of other settings.

    return read_deployments(document, environ)


def _count(document: Section, environ: Mapping[str, str]) -> int | None:
    routing = Choices(document, ROUTING_SECTIONS, environ)
    return None if routing.get("num_retries") is None else routing.count("num_retries", 0)


def _seconds(document: Section, environ: Mapping[str, str]) -> float | None:
    routing = Choices(document, ROUTING_SECTIONS, environ)
    return routing.number("timeout", 0) or routing.number("request_timeout", 0) or None


def _sources(document: Section) -> tuple[str, str] | None:
    match document.get("capabilities_sources"):
        case None:
            return None
        case [str(litellm), str(models_dev)]:
            return litellm, models_dev
    raise ConfigError(
        f"{document.where('capabilities_sources')}: capabilities_sources must be two addresses",
        hint="LiteLLM's map, models.dev's",
    )
