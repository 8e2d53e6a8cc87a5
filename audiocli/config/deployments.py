"""The deployments that a config names, for a command, which asks one of them by its name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from audiocli.config import rows
from audiocli.config.config import Deployment
from audiocli.config.rows import Row
from audiocli.config.section import Section
from audiocli.config.values import Params
from audiocli.errors import ConfigError
from audiocli.wire.litellm import argument


def read_deployments(document: Section, environ: Mapping[str, str]) -> dict[str, Deployment]:
    """By their names. Of several behind one name, a command asks the first.

    Raises `ConfigError` for a row that nobody could use. What is wrong with another is its `refusal`.
    """
    ignored = rows.ignored(document)
    found: dict[str, Deployment] = {}
    for row in rows.read_rows(document):
        if row.name not in found:
            found[row.name] = _deployment(row, environ, ignored)
    return found


def _deployment(row: Row, environ: Mapping[str, str], ignored: frozenset[str]) -> Deployment:
    params = Params(row.params, {})
    plain = Deployment(
        model=row.model,
        base_url=params.raw("api_base") or params.raw("base_url"),
        api_key=params.raw("api_key"),
        api_key_file=_path(params.raw("api_key_file")),
        api_version=params.raw("api_version"),
        headers=_headers(row.params),
        proxy=params.raw("proxy"),
        model_info=row.info,
    )
    for name in row.of("unsupported"):
        if name not in ignored:
            return replace(plain, refusal=rows.unsupported(row, name))
    try:
        return _with_choices(plain, Params(row.params, environ))
    except ConfigError as error:
        return replace(plain, refusal=error)


def _with_choices(plain: Deployment, values: Params) -> Deployment:
    """`plain`, with what the row says of a request. Its address and headers are checked."""
    values.url("api_base", "base_url")
    values.headers()
    return replace(
        plain,
        timeout=values.number("timeout", "request_timeout"),
        retries=values.count("max_retries", "num_retries"),
        added=added(values),
        left_out=frozenset(values.names("additional_drop_params")),
        answer=values.text("mock_response"),
    )


def added(values: Params) -> dict[str, Any]:
    """What a row adds to a request that has no member of that name."""
    own = {name: values.any(name) for name in values.section if argument(name) is None and name != "model"}
    return {**own, **values.section.section("extra_body")}


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _headers(params: Section) -> dict[str, str]:
    """Values may name variables still."""
    found: dict[str, str] = {}
    for section in (params.section("headers"), params.section("extra_headers")):
        found |= {name: Params(section, {}).raw(name) or "" for name in section}
    organization = params.get("organization")
    first = organization[0] if isinstance(organization, list) and organization else organization
    return {**found, **({"OpenAI-Organization": str(first)} if first else {})}
