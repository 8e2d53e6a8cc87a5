"""What the embedded model cannot do is refused by the name of the member that asks for it."""

from typing import Any

import pytest

from audiocli.chat import ChatRequest, Message, TextPart
from audiocli.errors import CapabilityError, InputError
from audiocli.local.think import Sampling
from audiocli.providers.embedded.members import sampling

MESSAGES = (Message("user", (TextPart("Hi"),)),)
TOOL = {"type": "function", "function": {"name": "weather"}}


def asked(**extra: Any) -> ChatRequest:
    return ChatRequest(model="local", messages=MESSAGES, extra=extra)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("n", 2),
        ("n", 0),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}),
        ("response_format", {"type": "json_object"}),
        ("response_format", "json"),
        ("tool_choice", "required"),
        ("tool_choice", {"type": "function", "function": {"name": "weather"}}),
        ("tool_choice", {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}}),
        ("function_call", {"name": "weather"}),
        ("web_search_options", {}),
        ("moderation", {"model": "omni"}),
        ("modalities", ["text", "image"]),
        ("modalities", "audio"),
    ],
)
def test_what_it_cannot_do_is_refused(member: str, value: Any) -> None:
    with pytest.raises(CapabilityError) as refused:
        sampling(asked(tools=[TOOL], **{member: value}))
    assert refused.value.param == member
    assert refused.value.hint


@pytest.mark.parametrize(
    "extra",
    [
        {"n": 1, "logprobs": False, "top_logprobs": 0, "logit_bias": {}, "response_format": {"type": "text"}},
        {"n": None, "tool_choice": None, "response_format": None, "stop": None, "web_search_options": None},
        {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}},
        {"functions": [{"name": "weather"}], "function_call": "none"},
        {
            "user": "u",
            "store": True,
            "service_tier": "flex",
            "prediction": {"type": "content", "content": "x"},
        },
        {"modalities": ["text"]},
        {"modalities": ["audio"]},
        {"of_another_service": 1},
    ],
)
def test_what_changes_no_answer_is_taken(extra: dict[str, Any]) -> None:
    assert sampling(asked(**extra)) == Sampling()


def test_what_it_can_do_it_does() -> None:
    given = asked(top_p=0.5, presence_penalty=1, frequency_penalty=-2, stop=["a", "", "b"])
    assert sampling(given) == Sampling(
        top_p=0.5, presence_penalty=1.0, frequency_penalty=-2.0, stop=("a", "b")
    )
    assert sampling(asked(stop="a")).stop == ("a",)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("stop", 1),
        ("stop", ["a", 1]),
        ("stop", ["a", "b", "c", "d", "e"]),
        ("top_p", 1.1),
        ("top_p", "1"),
        ("presence_penalty", -2.1),
        ("frequency_penalty", float("nan")),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(member: str, value: Any) -> None:
    with pytest.raises(InputError) as refused:
        sampling(asked(**{member: value}))
    assert refused.value.param == member


def test_limits_of_the_vocabulary_are_checked_as_well() -> None:
    for member, value in {"max_tokens": -1, "temperature": 2.5}.items():
        request: dict[str, Any] = {member: value}
        with pytest.raises(InputError):
            sampling(ChatRequest(model="local", messages=MESSAGES, **request))
