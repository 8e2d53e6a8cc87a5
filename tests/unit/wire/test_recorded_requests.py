"""Requests that OpenAI has answered are what we send and understand."""

import base64
import json

import pytest

from audiocli.wire.json import segments
from audiocli.wire.openai.chat import decode_request, encode_request
from tests.recorded import needs_recordings, recorded_json

NAMES = [
    "654b7239-ChatWithBasicAudioOutput-0",
    "current-ChatWithBasicAudioOutput-0",
    "current-ChatWithAudio-0",
    "current-ChatWithAudio-1",  # names the answer before it by its audio id
]


@needs_recordings
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_request_is_decoded_and_encoded_as_it_was(name: str) -> None:
    document = recorded_json(f"openai-chat-audio/{name}.request.json")
    sent = b"".join(
        segment if isinstance(segment, bytes) else base64.b64encode(segment.open().read())
        for segment in segments(encode_request(decode_request(document)))
    )
    assert json.loads(sent) == with_text_as_content(document)


def with_text_as_content(document: dict[str, object]) -> dict[str, object]:
    """`document` with a list of one text written as that text, which means the same."""

    def simple(message: dict[str, object]) -> dict[str, object]:
        match message.get("content"):
            case [{"type": "text", "text": text}]:
                return message | {"content": text}
        return message

    messages = document["messages"]
    assert isinstance(messages, list)
    return document | {"messages": [simple(message) for message in messages]}
