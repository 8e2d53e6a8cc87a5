"""What is known of models: the table, the one that was refreshed, and above both what the config says."""

import os

from audiocli.catalog import Capabilities, Table, current_table
from audiocli.catalog.override import override
from audiocli.config import Config, load


def capabilities(model: str, provider: str | None = None) -> Capabilities | None:
    """What is known of `model`, by a name as `--model` takes it; `None` where nobody knows it.

    Nothing is sent. Raises `ConfigError` for a config that is broken, and nothing for any name.
    """
    config = load(os.environ)
    return known(current_table(config.cache_dir), config, model, provider)


def known(table: Table, config: Config, name: str, provider: str | None = None) -> Capabilities | None:
    """What is known of `name`, which may be one that the config gives to a deployment."""
    deployment = config.deployments.get(name) if provider is None else None
    if deployment is None:
        return table.lookup(name, provider)
    found = table.lookup(deployment.model)
    if deployment.model_info:
        return override(found or Capabilities(id=deployment.model), deployment.model_info)
    return found
