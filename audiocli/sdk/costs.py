"""LiteLLM's questions about prices."""

from typing import Any

from audiocli.catalog import Prices
from audiocli.catalog.dates import today
from audiocli.catalog.litellm_form import model_info
from audiocli.chat import Usage
from audiocli.client import CHARACTERS_PER_TOKEN, cost, speech_cost
from audiocli.errors import UnknownModelError
from audiocli.library.lookup import capabilities
from audiocli.printable import quoted
from audiocli.wire.openai.usage import decode_usage


def get_model_info(model: str, custom_llm_provider: str | None = None) -> dict[str, Any]:
    """What is known of `model`, by LiteLLM's names, prices in dollars a token; `None` if unknown.

    Raises `UnknownModelError`.
    """
    known = capabilities(model, custom_llm_provider)
    if known is None:
        raise UnknownModelError(f"unknown model {quoted(model)}")
    return {"key": known.id, **model_info(known.as_of(today()))}


def completion_cost(
    completion_response: Any = None,
    model: str | None = None,
    prompt: str = "",
    completion: str = "",
    custom_llm_provider: str | None = None,
) -> float:
    """US dollars for an answer of `completion`, `transcription` or `speech`; or, about, for texts.

    Raises `UnknownModelError` if the price of what was used is not known.
    """
    hidden = getattr(completion_response, "_hidden_params", None) or {}
    stated = hidden.get("response_cost")
    if stated is not None and model is None:
        return float(stated)
    name = model or hidden.get("litellm_model_name") or _member(completion_response, "model")
    known = capabilities(str(name), custom_llm_provider)
    prices = known.prices_on(today()) if known else Prices()
    counted = _member(completion_response, "usage")
    if counted is None and known is not None and known.mode == "speech":
        dollars = speech_cost(Usage(), prompt, prices)
    else:
        dollars = cost(_written(prompt, completion) if counted is None else _usage(counted), prices)
    if dollars is None:
        raise UnknownModelError(f"the price of {quoted(str(name))} is not known")
    return dollars


def _member(response: Any, name: str) -> Any:
    """A member of our answers, of OpenAI's, or of a dictionary."""
    return response.get(name) if isinstance(response, dict) else getattr(response, name, None)


def _usage(counted: Any) -> Usage:
    return decode_usage(counted.model_dump() if hasattr(counted, "model_dump") else counted)


def _written(prompt: str, completion: str) -> Usage:
    """The tokens of texts, about."""
    return Usage(-(-len(prompt) // CHARACTERS_PER_TOKEN), -(-len(completion) // CHARACTERS_PER_TOKEN))
