"""Azure's OpenAI service: each deployment has an address of its own, and the key a header of its own."""

import re
from urllib.parse import parse_qs, quote, unquote

from audiocli.errors import ConfigError
from audiocli.printable import quoted
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.pasted import base_url_of
from audiocli.secret import Secret

AZURE = "azure"
DEFAULT_VERSION = "2025-01-01-preview"  # the first with audio in chat completions

_V1_VERSIONS = frozenset({"v1", "latest", "preview"})
"""Names of the API without dated versions, in which the deployment is the request's model."""

_DEPLOYMENT = re.compile(r"/openai/deployments(?:/([^/]+))?\Z")
_PROJECT = re.compile(r"/api/projects/[^/]+\Z")


def is_azures(model: str) -> bool:
    """Whether a model's name says that it is a deployment of Azure's."""
    return model.startswith(f"{AZURE}/")


def azure_endpoint(base_url: str, deployment: str, version: str | None, key: Secret | None) -> Endpoint:
    """The endpoint of `deployment` in the resource at `base_url`, in any form that Azure's portal shows.

    Raises `ConfigError` for the address of another deployment.
    https://learn.microsoft.com/azure/ai-services/openai/reference
    """
    place, _, query = base_url_of(base_url).partition("?")
    version = (version or parse_qs(query).get("api-version", [DEFAULT_VERSION])[0]).strip()
    if place.endswith("/openai/v1") or version.lower() in _V1_VERSIONS:
        # A dated version, which belongs to the other form of address, is refused there.
        place = f"{place.removesuffix('/openai/v1').removesuffix('/openai')}/openai/v1"
        return _endpoint(place, "preview" if version.lower() == "preview" else None, key)
    if found := _DEPLOYMENT.search(place):
        place = place[: found.start()]
        named = unquote(found[1] or deployment)
        if named != deployment:
            raise ConfigError(
                f"api_base is for the deployment {quoted(named)}, and model for {quoted(deployment)}",
                hint=f"use {AZURE}/{named}, or https://NAME.openai.azure.com",
            )
    resource = _PROJECT.sub("", place.removesuffix("/openai"))
    return _endpoint(f"{resource}/openai/deployments/{quote(deployment, safe='')}", version, key)


def _endpoint(place: str, version: str | None, key: Secret | None) -> Endpoint:
    query = f"?api-version={quote(version, safe='')}" if version else ""
    return Endpoint(f"{place}{query}", key, key_variable="AZURE_API_KEY", key_header="api-key")
