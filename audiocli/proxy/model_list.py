"""The deployments that a config's `model_list` names, and those that there are without one."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from audiocli import config as cli_config
from audiocli.capabilities import Capabilities, Table, current_table
from audiocli.capabilities.override import override
from audiocli.config import Config
from audiocli.errors import AudiocliError, AuthenticationError, ConfigError, DependencyError
from audiocli.providers.azure import AZURE, azure_endpoint
from audiocli.providers.registry import HOSTS, LOCAL, Target, resolve
from audiocli.proxy import litellm_keys
from audiocli.proxy.document import Section
from audiocli.proxy.values import Params
from audiocli.router import Deployment

EVERY_NAME = "*"


def read_deployments(document: Section, config: Config) -> Iterator[Deployment]:
    """Raises `ConfigError`, with the line, for a row that cannot be served."""
    ids: set[str] = set()
    for row in document.items_of("model_list"):
        match row:
            case Section({"model_name": str(name), "litellm_params": Section({"model": str()}) as params}):
                yield _distinct(_deployment(name, params, row, config), ids)
            case Section():
                raise ConfigError(
                    f"{next(map(row.where, row), document.where('model_list'))}: a row of model_list lacks "
                    "model_name or litellm_params.model",
                    hint="each row needs both, as text",
                )
            case _:
                raise ConfigError(f"{document.where('model_list')}: a row is not a mapping")


def _distinct(deployment: Deployment, ids: set[str]) -> Deployment:
    """Rows that are alike but for their keys have ids of their own, too."""
    own, number = deployment.id, 2
    while own in ids:
        own, number = f"{deployment.id}-{number}", number + 1
    ids.add(own)
    return replace(deployment, id=own)


def _deployment(name: str, params: Section, row: Section, config: Config) -> Deployment:
    values = Params(params, config.environ)
    info = row.section("model_info")
    weight, order = values.number("weight"), values.count("order")
    return Deployment(
        id=str(info.get("id") or _digest(name, params)),
        group=name,
        target=with_facts(_target(values, config), {**params, **info}),
        timeout=values.number("timeout"),
        rpm=values.count("rpm"),
        tpm=values.count("tpm"),
        weight=1.0 if weight is None else weight,
        order=1 if order is None else order,
        extra_body=_body_fields(values),
        model_info=info,
    )


def with_facts(target: Target, facts: Mapping[str, Any]) -> Target:
    """`target`, with what a config says of it standing above what is known."""
    known = target.capabilities or Capabilities(id=target.model)
    return replace(target, capabilities=override(known, facts))


def _target(values: Params, config: Config) -> Target:
    section = values.section
    model, provider = str(section["model"]), values.text("custom_llm_provider")
    if provider and not model.startswith(f"{provider}/"):
        model = f"{provider}/{model}"
    try:
        find = _azure_target if model.startswith(f"{AZURE}/") else _compatible_target
        target = find(model, values, config)
    except ConfigError:
        raise
    except AudiocliError as error:
        raise ConfigError(f"{section.where('model')}: {error.message}", hint=error.hint) from error
    if target.key_variable is not None:
        hint = f"set it, or give {model} an api_key"
        raise ConfigError(f"{section.where('model')}: {target.key_variable} is not set", hint=hint)
    if target.endpoint is None:
        return target
    headers = {**target.endpoint.headers, **values.headers()}
    return replace(target, endpoint=replace(target.endpoint, headers=headers))


def _row(model: str, values: Params) -> cli_config.Deployment:
    key_file = values.text("api_key_file")
    return cli_config.Deployment(
        model=model,
        base_url=values.url("api_base", "base_url"),
        api_key=values.text("api_key"),
        api_key_file=Path(key_file).expanduser() if key_file else None,
    )


def _compatible_target(model: str, values: Params, config: Config) -> Target:
    """A server of the row's own gets the row's own key, and never the environment's."""
    return resolve(replace(config, deployments={model: _row(model, values)}), model)


def _azure_target(model: str, values: Params, config: Config) -> Target:
    row = _row(model, values)
    where = values.section.where("model")
    if row.base_url is None:
        raise ConfigError(f"{where}: {model} has no api_base", hint="https://NAME.openai.azure.com")
    name = model.removeprefix(f"{AZURE}/")
    if "*" in name:
        raise ConfigError(f"{where}: a deployment of Azure has one name", hint="give each a row")
    endpoint = azure_endpoint(row.base_url, name, values.text("api_version"), config.deployment_key(row))
    known = current_table(config.cache_dir).lookup(name, AZURE)
    return Target(AZURE, name, known, endpoint)


def _body_fields(values: Params) -> dict[str, Any]:
    """What is added to a request's body: all that is neither the gateway's, nor LiteLLM's, nor a price."""
    added = {
        name: values.any(name)
        for name in values.section
        if name not in litellm_keys.PARAMS and name not in litellm_keys.OTHER_PARAMS and "_cost" not in name
    }
    return {**added, **values.section.section("extra_body")}


def _digest(name: str, params: Section) -> str:
    """The same for the same row, so that logs can be compared; a key is not a part of it."""
    shown = {key: value for key, value in params.items() if key != "api_key"}
    return hashlib.sha256(repr((name, shown)).encode()).hexdigest()[:12]


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
            hint = "set OPENAI_API_KEY, or pip install 'audiocli[local]'"
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
    for model in table.models():
        if (
            "/" not in model.id
            and model.provider == target.provider
            and (model.audio_input or model.audio_output)
        ):
            named = replace(target, model=model.id, capabilities=model)
            yield Deployment(id=f"{target.provider}/{model.id}", group=model.id, target=named)


def _embedded(config: Config, *, every_name: bool) -> Iterator[Deployment]:
    from audiocli.providers.local import require_packages  # Not for a gateway to other servers.

    require_packages()
    target = resolve(config, LOCAL)
    yield Deployment(id=LOCAL, group=LOCAL, target=target)
    if every_name:
        yield Deployment(id=f"{LOCAL}-any", group=EVERY_NAME, target=target)
