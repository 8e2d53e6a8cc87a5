"""What a service asks for in its headers, and where the key goes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocli.chat import ChatRequest, Message, TextPart, collect
from audiocli.errors import ProviderError
from audiocli.providers.endpoint import Endpoint
from audiocli.providers.openai.chat import OpenAICompatible
from audiocli.providers.reply import _seconds, _seconds_until
from audiocli.secret import Secret
from tests.servers import Exchange, serve

REQUEST = ChatRequest(model="m", messages=(Message("user", (TextPart("hi"),)),))
ANSWER = b'{"choices": [{"message": {"content": "Yes."}}]}'


@given(st.text() | st.text("0123456789.eE+-_naifNI") | st.floats().map(str))
def test_any_number_of_seconds_is_a_wait_that_can_be_waited_or_none(text: str) -> None:
    seconds = _seconds(text)
    assert seconds is None or 0 <= seconds < 1e9


@given(
    st.text() | st.text("0123456789 ,:+-GMTJanMon") | st.datetimes().map("{:%a, %d %b %Y %H:%M:%S %z}".format)
)
def test_any_date_is_a_wait_or_none(text: str) -> None:
    seconds = _seconds_until(text)
    assert seconds is None or seconds >= 0


def answer(exchange: Exchange) -> None:
    exchange.reply(ANSWER)


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_the_path_is_put_behind_the_base_url(slash: str) -> None:
    with serve(answer) as server:
        asyncio.run(collect(OpenAICompatible(Endpoint(f"{server.url}/v1{slash}")).stream(REQUEST)))
    assert server.exchanges[0].head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")


def test_without_a_key_no_authorization_is_sent() -> None:
    with serve(answer) as server:
        asyncio.run(collect(OpenAICompatible(Endpoint(server.url)).stream(REQUEST)))
    assert "authorization" not in server.exchanges[0].headers


def test_an_endpoints_own_headers_and_field_names_are_used() -> None:
    with serve(answer) as server:
        endpoint = Endpoint(server.url, Secret("sk-12345678"), {"OpenAI-Project": "p"}, "max_tokens")
        request = ChatRequest(model="m", messages=REQUEST.messages, max_tokens=5)
        asyncio.run(collect(OpenAICompatible(endpoint).stream(request)))
    exchange = server.exchanges[0]
    assert exchange.headers["openai-project"] == "p"
    assert exchange.headers["authorization"] == "Bearer sk-12345678"
    assert b'"max_tokens":5' in exchange.body


def test_an_error_has_no_cause_that_could_show_the_key() -> None:
    key = "a-key-of-no-known-shape"
    with serve(lambda exchange: exchange.send(f"{key}\r\n\r\n".encode())) as server:
        provider = OpenAICompatible(Endpoint(server.url, Secret(key)))
        with pytest.raises(ProviderError) as caught:
            asyncio.run(collect(provider.stream(REQUEST)))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert key not in str(caught.value)
