"""What is LiteLLM's own is told apart from what is OpenAI's, and never sent."""

import typing
from typing import Any

import pytest
from openai.types.audio import speech_create_params, transcription_create_params
from openai.types.chat import completion_create_params

from audiocli.errors import InputError
from audiocli.wire.litellm import (
    CHAT,
    IGNORED,
    MEMBERS,
    OWN,
    REFUSED,
    SPEECH,
    TRANSCRIPTION,
    argument,
    nearest,
)
from audiocli.wire.splicing.request_splice import (
    Changes,
    FormRequestScanner,
    RequestScanner,
    form_room,
    spliced_form,
)

FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("params", "known"),
    [
        (completion_create_params.CompletionCreateParamsBase, CHAT),
        (transcription_create_params.TranscriptionCreateParamsBase, TRANSCRIPTION),
        (speech_create_params.SpeechCreateParams, SPEECH),
    ],
)
def test_all_that_openais_own_client_sends_is_known(params: Any, known: frozenset[str]) -> None:
    assert set(typing.get_type_hints(params)) <= known


def test_what_is_litellms_own_is_not_a_members_name_but_for_metadata() -> None:
    assert OWN.keys() & MEMBERS == {"metadata"}
    assert not REFUSED & IGNORED
    assert OWN.keys() == REFUSED | IGNORED


@pytest.mark.parametrize(
    "name", ["output_cost_per_reasoning_token", "cache_read_input_token_cost", "supports_vision"]
)
def test_prices_and_abilities_are_litellms_own_whatever_they_are_of(name: str) -> None:
    assert argument(name) is not None


def test_the_nearest_name_is_found_in_any_case() -> None:
    assert nearest("API-KEY", OWN) == "api_key"
    assert nearest("qqqq", OWN) is None


def test_what_means_something_by_false_is_set_by_it() -> None:
    from audiocli.wire.litellm import is_set

    assert is_set("ssl_verify", False)
    assert not is_set("ssl_verify", True)
    assert not is_set("guardrails", [])
    assert is_set("max_budget", 0)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "MODEL",
            "Model",
            "STREAM",
            "\u017ftream",
            "Stream_Options",
            "INPUT",
            "Api_Base",
            "EXTRA_BODY",
            "ApI_KEY",
        ),
        *(
            "Mock_Response",
            "Metadata",
            "TAGS",
            "LITELLM_x",
            "litellm_x",
            "input_cost_per_token",
            "aws_role_name",
        ),
        *("ssl_verify", "guardrails", "Seed"),
    ],
)
def test_a_name_that_a_service_could_take_for_a_reserved_one_is_refused(name: str) -> None:
    scanner = RequestScanner(frozenset({"seed"}))
    with pytest.raises(InputError, match="a request cannot set") as caught:
        scanner.feed(f'{{"model":"m","{name}":1}}'.encode())
    assert caught.value.param == name
    form = FormRequestScanner(FORM, frozenset({"seed"}))
    if name not in ("Stream_Options", "INPUT"):  # which a form has no use for
        with pytest.raises(InputError, match="a request cannot set"):
            form.feed(_form({name: "1"}))


@pytest.mark.parametrize("name", ["temperature", "Temperature", "X-Vendor", "vendor", "İ", "stream_option"])
def test_other_names_pass(name: str) -> None:
    scanner = RequestScanner()
    scanner.feed(f'{{"model":"m","{name}":1}}'.encode())
    scanner.close()


def _form(fields: dict[str, str], end: str = "") -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return ("".join(parts) + end).encode()


def test_a_forms_own_fields_of_litellm_are_left_out() -> None:
    body = _form({"model": "m", "metadata": "secret", "language": "en", "tags": "a"}, "--b--\r\n")
    scanner = FormRequestScanner(FORM)
    scanner.feed(body)
    scanner.close()
    changes = Changes("n", dropped=scanner.ignored)
    sent = b"".join(spliced_form(scanner, changes).feed(body))
    assert sent == _form({"model": "n", "language": "en"}, "--b--\r\n")
    assert form_room(scanner, changes) == len(sent) - len(body)


def test_a_form_whose_length_is_promised_can_lose_nothing_more() -> None:
    scanner = FormRequestScanner(FORM)
    scanner.feed(_form({"model": "m", "language": "en"}))
    assert form_room(scanner, Changes("nn", dropped=scanner.ignored)) == 1
    with pytest.raises(InputError, match="cannot set 'metadata'"):
        scanner.feed(_form({"metadata": "x"}))
