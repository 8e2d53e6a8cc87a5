"""What the gateway serves and how, from a config in LiteLLM's form.

A key of LiteLLM's that is not acted on is named in a warning. A key that nobody knows, in a place that is
ours, is an error with its line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from audiocli.catalog import Table, current_table
from audiocli.catalog.dates import today
from audiocli.config import Config, litellm_keys, load
from audiocli.config.document import Source, read_documents
from audiocli.config.guards import CALLBACK_LISTS, SETTINGS, check_guards
from audiocli.config.problems import Note, Problems, tried
from audiocli.config.rows import IGNORE, with_whole_rows
from audiocli.config.section import Section
from audiocli.config.sections import OTHER_SECTIONS, check_sections, with_variables
from audiocli.config.values import Choices, looked_up, text_of
from audiocli.config.wildcards import EVERY_NAME
from audiocli.errors import ConfigError
from audiocli.gateway.config import routing
from audiocli.gateway.config.dropping import droppable
from audiocli.gateway.config.model_list import (
    built_in_deployments,
    key_files,
    left_out,
    model_notes,
    read_deployments,
    row_fallbacks,
)
from audiocli.gateway.hosts import host_name, is_wildcard
from audiocli.printable import one_line, quoted
from audiocli.providers.naming import standing_for, with_facts
from audiocli.providers.target import LOCAL_WIRE
from audiocli.router import Deployment, Policy
from audiocli.secret import Secret
from audiocli.wire import litellm

MASTER_KEY_VARIABLES = ("AUDIOCLI_MASTER_KEY", "LITELLM_MASTER_KEY")

_OWN = "audiocli_settings"
_NORMALISE = "stream_normalize"
_ALLOWED_HOSTS = "allowed_hosts"
_LISTS = frozenset({"model_list", "credential_list", "include", "environment_variables"})
_SLIPS = SETTINGS | CALLBACK_LISTS | {"master_key"}
"""What a key of a section may not be a misspelling of: nobody would be kept out."""
_ROW = frozenset({"litellm_params", "model_info", "model_name"})
_LIKE_A_SLIP = frozenset({"default_litellm_params"})
_OF_THE_COMMAND_LINE = frozenset({"model", "api_key_file", "local_model", "capabilities_sources"})


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What one client may ask of the gateway; sizes in MB and kB of 10⁶ and 10³ bytes, times in seconds."""

    max_body_mb: float = 100.0
    max_header_kb: float = 64.0
    max_json_depth: float = 128
    max_connections: float = 1000
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    body_timeout_per_mb: float = 1.0
    keep_alive_timeout: float = 75.0
    send_timeout: float = 30.0
    stream_idle_timeout: float = 60.0
    keepalive_seconds: float = 15.0
    stream_buffer_mb: float = 16.0
    retry_buffer_mb: float = 32.0
    retry_buffer_total_mb: float = 256.0


_BOUNDS = tuple(field.name for field in fields(Bounds))
_OWN_KEYS = (*_BOUNDS, _NORMALISE, _ALLOWED_HOSTS, IGNORE)
_MAY_BE_ZERO = frozenset(
    {"body_timeout_per_mb", "keepalive_seconds", "retry_buffer_mb", "retry_buffer_total_mb"}
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a gateway is told. `files` are those that it was read from, keys too.

    `timeout` (seconds) is for a whole request with all its tries. `normalise` says whether streams go out in
    the form that every client understands, or as they come; `docs`, whether the API is described. `droppable`
    are the members that may be left out of a request, where a deployment does not take them. Without a master
    key only `allowed_hosts` are served, and the local ones. `warnings` are of settings, `endings` of models
    that are retired, retire soon, or are unknown.
    """

    deployments: tuple[Deployment, ...]
    policy: Policy
    config: Config
    table: Table
    master_key: Secret | None = None
    allowed_hosts: frozenset[str] = frozenset()
    timeout: float = 600.0
    normalise: bool = True
    docs: bool = False
    bounds: Bounds = Bounds()
    droppable: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    files: tuple[Source, ...] = ()

    def expand(self, deployment: Deployment, matched: str) -> Deployment:
        """A wildcard's deployment for what its `*` stands for."""
        target = deployment.target
        if "*" not in target.model:
            return deployment
        named = standing_for(target, matched, self.table)
        return replace(deployment, target=with_facts(named, deployment.model_info))


def load_settings(
    path: Path | None, environ: Mapping[str, str], *, docs: bool = False, host: str = ""
) -> Settings:
    """The settings in the file at `path`; without one, those of a machine where nothing is set up. `docs` and
    `host` are the command line's.

    Raises `ConfigError` for a file that cannot be used, and where it names a variable that is not set.
    """
    problems = Problems()
    document, files = read_documents(path) if path else (Section(), ())
    check_sections(document, problems.note)
    environ = problems.tried(partial(with_variables, document, environ), environ)
    named = {*_names(problems.tried(lambda: document.items_of("model_list"), []))}
    document = with_whole_rows(document, problems.note)
    config = _own_config(environ)
    routed = Choices(document, routing.SECTIONS, environ, problems.note)
    ours = Choices(document, (_OWN,), environ, problems.note)
    own = Choices(document, (_OWN, "general_settings", "litellm_settings"), environ, problems.note)
    warnings = [
        *_warnings(document, problems.note),
        *check_guards(document, problems.note),
        *routing.warnings(routed),
    ]
    unserved = [*left_out(document)]
    drops = Choices(document, ("litellm_settings",), environ, problems.note).flag("drop_params", False)
    files = (*files, *key_files(document, config))  # Before they are read, as the config itself.
    served = [*read_deployments(document, config, drop_params=drops, note=problems.note)]
    deployments = tuple(_timed(each, routed.number("stream_timeout", 0)) for _, each in served)
    if path is None:
        deployments = tuple(built_in_deployments(config))
        warnings += _told(deployments)
    elif not deployments and not problems.found:
        problems.note(_nothing_served(document, unserved))
    policy = problems.tried(
        lambda: routing.read_policy(routed, deployments, named, row_fallbacks(document)),
        Policy(),
    )
    master_key = problems.tried(lambda: _master_key(document, environ), None)
    bounds = Bounds(**{name: _bound(own, name) for name in _BOUNDS})
    allowed_hosts = frozenset(_allowed_hosts(ours, host))
    timeout = routed.number("timeout", 0) or routed.number("request_timeout", 0) or Settings.timeout
    normalise = own.flag(_NORMALISE, True)
    problems.end()
    table = current_table(config.cache_dir)
    return Settings(
        deployments=deployments,
        policy=policy,
        config=config,
        table=table,
        master_key=master_key,
        allowed_hosts=allowed_hosts,
        timeout=timeout,
        normalise=normalise,
        docs=docs,
        bounds=bounds,
        droppable=droppable(deployments),
        warnings=(*warnings, *(line for _, line in unserved)),
        endings=tuple(model_notes(served, table, today())),
        files=files,
    )


def _timed(deployment: Deployment, stream_timeout: float) -> Deployment:
    if deployment.stream_timeout is None and stream_timeout:
        return replace(deployment, stream_timeout=stream_timeout)
    return deployment


def _nothing_served(document: Section, unserved: Sequence[tuple[str, str]]) -> ConfigError:
    if unserved:
        return ConfigError(unserved[0][1], hint="no other row is there")
    return ConfigError(f"{document.where('model_list')}: model_list is empty", hint="it needs a row")


def _names(rows: list[Any]) -> Iterator[str]:
    """What the rows of a model list are called, also those that cannot be served."""
    for row in rows:
        match row:
            case {"model_name": str(name)}:
                yield name


def _own_config(environ: Mapping[str, str]) -> Config:
    """What holds for a gateway of the user's own settings: they name models for commands alone."""
    kept = {name: value for name, value in environ.items() if name != "AUDIOCLI_CONFIG"}
    return replace(load(kept), deployments={}, aliases={})


def _told(deployments: tuple[Deployment, ...]) -> Iterator[str]:
    for each in deployments:
        if each.group == EVERY_NAME and each.target.wire == LOCAL_WIRE:
            yield "no key is set: the embedded model answers for every name"


def _bound(own: Choices, name: str) -> float:
    value = own.number(name, getattr(Bounds, name))
    if not value and name not in _MAY_BE_ZERO:
        own.note(ConfigError(f"{own.where(name)}: {name} must be more than 0"))
    return value


def _allowed_hosts(own: Choices, host: str) -> Iterator[str]:
    if not is_wildcard(host) and (name := host_name(host)):
        yield name
    for name in own.names(_ALLOWED_HOSTS):
        if not host_name(name):
            where = own.where(_ALLOWED_HOSTS)
            fault = ConfigError(f"{where}: invalid host {quoted(name)}", hint="for example gateway.example")
            own.note(fault)
        yield host_name(name)


def _master_key(document: Section, environ: Mapping[str, str]) -> Secret | None:
    section = document.section("general_settings")
    if "master_key" in section:
        where = section.where("master_key")
        value = section["master_key"]
        text = looked_up(text_of("" if value is None else value, "master_key", where), environ, where)
    else:
        where = next((name for name in MASTER_KEY_VARIABLES if name in environ), "")
        if not where:
            return None
        text = environ[where]
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"{where}: the master key is not a key", hint="a key is text without spaces")
    return Secret(text)


# What has no effect


def _warnings(document: Section, note: Note) -> Iterator[str]:
    """One line for each key that changes nothing here. One that only we could know is an error for `note`."""
    for name in document:
        if name in litellm_keys.ACTED_ON:
            yield from _unknown_keys(name, tried(partial(document.section, name), Section(), note), note)
        elif name == _OWN:
            _check_own(tried(partial(document.section, name), Section(), note), note)
        elif name not in SETTINGS and name in OTHER_SECTIONS | _OF_THE_COMMAND_LINE:
            yield f"{document.where(name)}: {name} is ignored"
    for row in document.items_of("model_list"):
        if isinstance(row, Section):
            yield from _row_warnings(row)


def _row_warnings(row: Section) -> Iterator[str]:
    params = row.section("litellm_params")
    for name in row.keys() - _ROW:
        yield f"{row.where(name)}: {name} is ignored"
    for name in params:
        if (argument := litellm.argument(name)) and argument.row == "ignored":
            yield f"{params.where(name)}: {name} is ignored"
    for path in params.items_of("additional_drop_params"):
        if set(str(path).removesuffix("[]")) & set(".["):
            where = params.where("additional_drop_params")
            yield f"{where}: {quoted(str(path))} is ignored; only whole members can be left out"


def _unknown_keys(name: str, section: Section, note: Note) -> Iterator[str]:
    for key in section:
        if key in litellm_keys.ACTED_ON[name] or key in _BOUNDS or key in SETTINGS:
            continue
        close = None if key in _LIKE_A_SLIP | _SLIPS else litellm.nearest(key, _SLIPS, likeness=0.87)
        if close:
            unknown = f"{section.where(key)}: unknown key {quoted(one_line(key, 60))} in {name}"
            note(ConfigError(unknown, hint=f"did you mean {close}?"))
        else:
            yield f"{section.where(key)}: {name}.{key} is ignored"


def _check_own(section: Section, note: Note) -> None:
    for key in section:
        if key not in _OWN_KEYS:
            known = ", ".join(_OWN_KEYS)
            unknown = f"{section.where(key)}: {_OWN} has no {quoted(key)}"
            note(ConfigError(unknown, hint=f"it may have {known}"))
