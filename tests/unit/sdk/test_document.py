"""A document reads as attributes, as items and as plain dictionaries."""

import copy
import json
import pickle

import pytest

from audiocli.errors import UsageError
from audiocli.sdk.document import Document, plain

MEMBERS = {"id": "x", "choices": [{"index": 0, "message": {"content": None, "role": "assistant"}}]}


def test_attributes_and_items_are_the_same() -> None:
    document = Document(MEMBERS)
    assert document.id == document["id"] == "x"
    assert document.choices[0].message.role == document["choices"][0]["message"]["role"] == "assistant"
    assert document.choices[0] is document["choices"][0]


def test_what_an_answer_may_lack_reads_as_none() -> None:
    message = Document(MEMBERS).choices[0].message
    assert message.content is None
    assert message.audio is None
    assert message["audio"] is None
    assert message.get("audio", "nothing") == "nothing"
    assert "audio" not in message
    assert "audio" not in message.model_dump()


def test_what_openais_types_have_as_optional_can_be_asked_for() -> None:
    answer = Document(MEMBERS | {"usage": {"prompt_tokens": 1}})
    assert (answer.system_fingerprint, answer.service_tier) == (None, None)
    assert (answer.usage.prompt_tokens_details, answer.usage.completion_tokens_details) == (None, None)
    assert hasattr(answer.choices[0].message, "audio")
    assert not hasattr(answer.choices[0].message, "video")


def test_a_member_of_no_answer_is_an_error() -> None:
    document = Document(MEMBERS)
    with pytest.raises(AttributeError, match="colour"):
        document.colour  # noqa: B018 - reading it is what fails
    with pytest.raises(KeyError, match="colour"):
        document["colour"]
    assert not hasattr(document, "_hidden")


def test_it_dumps_as_what_it_was_made_of() -> None:
    dumped = Document(MEMBERS).model_dump()
    assert dumped == MEMBERS
    assert type(dumped["choices"][0]["message"]) is dict
    assert json.loads(Document(MEMBERS).model_dump_json()) == MEMBERS
    assert dict(Document(MEMBERS))["id"] == "x"
    dumped["choices"][0]["index"] = 7
    assert MEMBERS["choices"][0]["index"] == 0  # type: ignore[index] # JSON


def test_it_dumps_as_the_answers_of_openai_and_litellm_do() -> None:
    document = Document(MEMBERS)
    assert (
        document.json()
        == document.to_dict()
        == document.model_dump(mode="json", exclude_unset=True)
        == MEMBERS
    )
    assert document.model_dump(exclude_none=True)["choices"] == [
        {"index": 0, "message": {"role": "assistant"}}
    ]
    assert document.model_dump_json(indent=2).startswith('{\n  "id": "x"')


def test_it_can_be_copied_compared_and_pickled() -> None:
    document = Document(MEMBERS)
    for same in (copy.copy(document), copy.deepcopy(document), pickle.loads(pickle.dumps(document))):  # noqa: S301 - our own
        assert same == document
        assert same.choices[0].message.role == "assistant"


def test_it_shows_words_whole_and_of_sound_only_the_beginning() -> None:
    audio = Document({"audio": {"transcript": "word " * 100, "data": "QUJD" * 100_000}})
    assert "word " * 100 in repr(audio)
    assert "(400000 characters)" in repr(audio)
    assert len(repr(audio)) < 700
    assert repr(Document(MEMBERS)).startswith("Document({'id': 'x', 'choices': [Document({'index': 0, ")


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Document(MEMBERS).colour = "red"  # type: ignore[attr-defined] # what is tested


def test_plain_takes_documents_and_the_answers_of_other_packages_apart() -> None:
    class Foreign:
        def model_dump(self) -> dict[str, str]:
            return {"role": "assistant"}

    assert plain([Document(MEMBERS), Foreign(), "text", (1, 2)]) == [
        MEMBERS,
        {"role": "assistant"},
        "text",
        [1, 2],
    ]


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}, Document])
def test_what_json_does_not_have_is_not_plain(value: object) -> None:
    with pytest.raises(UsageError, match="cannot be sent"):
        plain({"a": [value]})
