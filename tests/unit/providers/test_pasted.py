"""Addresses are understood as people paste them, or refused with the right form."""

import pytest

from audiocli.errors import ConfigError
from audiocli.providers.azure import azure_endpoint
from audiocli.providers.pasted import base_url_of
from audiocli.secret import Secret

NAME = "https://name.openai.azure.com"
CLASSIC = f"{NAME}/openai/deployments/voice"


@pytest.mark.parametrize(
    ("pasted", "base_url"),
    [
        ("http://h/v1", "http://h/v1"),
        ("http://h/v1/", "http://h/v1"),
        ("http://h/v1//", "http://h/v1"),
        ("http://h", "http://h"),
        ("http://h/v1/chat/completions", "http://h/v1"),
        ("http://h/v1/chat/completions/", "http://h/v1"),
        ("http://h/v1//chat/completions", "http://h/v1"),
        ("http://h/v1/audio/transcriptions", "http://h/v1"),
        ("http://h/v1/audio/speech?key=1", "http://h/v1?key=1"),
        ("http://h/v1/models", "http://h/v1"),
        ("http://h/v1?a=b#part", "http://h/v1?a=b"),
        ("http://h/chat", "http://h/chat"),
    ],
)
def test_a_base_url_may_be_that_of_an_endpoint(pasted: str, base_url: str) -> None:
    assert base_url_of(pasted) == base_url


@pytest.mark.parametrize("name", ["responses", "completions", "embeddings", "realtime", "images/generations"])
def test_an_endpoint_of_another_api_is_refused_with_the_right_form(name: str) -> None:
    with pytest.raises(ConfigError, match=r"use 'http://h/v1'"):
        base_url_of(f"http://h/v1/{name}")


@pytest.mark.parametrize(
    ("pasted", "version", "url"),
    [
        (NAME, None, f"{CLASSIC}/chat/completions?api-version=2025-01-01-preview"),
        (f"{NAME}/", "v9", f"{CLASSIC}/chat/completions?api-version=v9"),
        (f"{NAME}/openai/", None, f"{CLASSIC}/chat/completions?api-version=2025-01-01-preview"),
        (
            f"{CLASSIC}/chat/completions?api-version=2025-02-02",
            None,
            f"{CLASSIC}/chat/completions?api-version=2025-02-02",
        ),
        (
            f"{CLASSIC}?api-version=2025-02-02",
            "2025-03-03",
            f"{CLASSIC}/chat/completions?api-version=2025-03-03",
        ),
        (f"{CLASSIC}/audio/transcriptions", "v9", f"{CLASSIC}/chat/completions?api-version=v9"),
        (f"{NAME}/openai/v1/", None, f"{NAME}/openai/v1/chat/completions"),
        (f"{NAME}/openai/v1/", "2024-10-21", f"{NAME}/openai/v1/chat/completions"),
        (f"{NAME}/openai/v1/chat/completions", None, f"{NAME}/openai/v1/chat/completions"),
        (f"{NAME}/openai/v1", "preview", f"{NAME}/openai/v1/chat/completions?api-version=preview"),
        (
            f"{NAME}/openai/v1?api-version=preview",
            None,
            f"{NAME}/openai/v1/chat/completions?api-version=preview",
        ),
        (NAME, "v1", f"{NAME}/openai/v1/chat/completions"),
        (f"{NAME}/openai", "V1", f"{NAME}/openai/v1/chat/completions"),
        (NAME, "preview", f"{NAME}/openai/v1/chat/completions?api-version=preview"),
        (
            "https://n.services.ai.azure.com/api/projects/p",
            "v9",
            "https://n.services.ai.azure.com/openai/deployments/voice/chat/completions?api-version=v9",
        ),
        (
            "https://gate.example/azure",
            "v9",
            "https://gate.example/azure/openai/deployments/voice/chat/completions?api-version=v9",
        ),
    ],
)
def test_azures_addresses_are_those_that_its_portal_has(pasted: str, version: str | None, url: str) -> None:
    endpoint = azure_endpoint(pasted, "voice", version, Secret("key-0123456789"))

    assert endpoint.url == url
    assert endpoint.credentials == {"api-key": "key-0123456789"}


def test_the_address_of_another_deployment_is_refused_with_the_right_form() -> None:
    with pytest.raises(ConfigError, match=r"for the deployment 'other'.*; use azure/other"):
        azure_endpoint(f"{NAME}/openai/deployments/other/chat/completions", "voice", None, None)
