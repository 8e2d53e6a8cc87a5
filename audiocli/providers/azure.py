"""Azure's OpenAI service: each deployment has an address of its own, and the key a header of its own."""

from urllib.parse import quote

from audiocli.providers.endpoint import Endpoint
from audiocli.secret import Secret

AZURE = "azure"
DEFAULT_VERSION = "2025-01-01-preview"  # the first with audio in chat completions


def azure_endpoint(base_url: str, deployment: str, version: str | None, key: Secret | None) -> Endpoint:
    """The endpoint of `deployment` in the resource at `base_url`.

    https://learn.microsoft.com/azure/ai-services/openai/reference
    """
    resource = base_url.partition("?")[0].rstrip("/").removesuffix("/openai")
    path = f"{resource}/openai/deployments/{quote(deployment, safe='')}"
    query = quote(version or DEFAULT_VERSION, safe="")
    return Endpoint(f"{path}?api-version={query}", key, key_variable="AZURE_API_KEY", key_header="api-key")
