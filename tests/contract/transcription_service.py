"""Services that write down, as scripts for `serve`: by their endpoint for transcriptions, and by chat."""

import json

from audiocli.wire.json import parse
from tests.servers import Exchange

SAID = "We go now."


def answer_with_times(exchange: Exchange) -> None:
    exchange.reply(
        json.dumps(
            {
                "task": "transcribe",
                "language": "english",
                "duration": 2.0,
                "text": SAID,
                "segments": [{"id": 0, "start": 0.25, "end": 1.5, "text": f" {SAID}"}],
                "usage": {"type": "duration", "seconds": 2},
            }
        ).encode()
    )


def answer_word_by_word(exchange: Exchange) -> None:
    words = [word if position == 0 else f" {word}" for position, word in enumerate(SAID.split())]
    documents: list[dict[str, object]] = [{"type": "transcript.text.delta", "delta": word} for word in words]
    documents.append({"type": "transcript.text.done", "text": SAID})
    events = [f"data: {json.dumps(document)}\r\n\r\n".encode() for document in documents]
    exchange.stream(*events, b"data: [DONE]\r\n\r\n")


def answer_by_chat(exchange: Exchange) -> None:
    assert parse(exchange.body)["messages"][0]["content"][1]["type"] == "input_audio"
    completion = {
        "choices": [{"message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 4, "total_tokens": 44},
    }
    exchange.reply(json.dumps(completion).encode())
