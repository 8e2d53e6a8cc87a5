"""What is asked through a gateway, and what is answered: the same bytes on both sides of it."""

import base64
import json
import random
from dataclasses import dataclass
from functools import cache

EVENTS = 50
EVENT_BYTES = 4_800  # of sound: 0.1 s of pcm16
STAMP = 24  # digits at the beginning of an event's sound: when it was sent, in nanoseconds


@dataclass(frozen=True)
class Case:
    """A kind of request: `kind` names the answer, `sent` is how many bytes of sound go in.

    A round has `count` requests; each may cost the gateway `limit` ms of CPU.
    """

    name: str
    kind: str
    limit: float
    count: int
    sent: int = 0
    streams: bool = False


TEXT = Case("text, 1 kB", "text", 0.30, 1200)
MEGABYTE_IN = Case("1 MB audio in", "text", 1.5, 160, sent=750_000)
LARGE_IN = Case("10 MB audio in", "text", 12.0, 32, sent=7_500_000)
BURST = Case("50 events of 4.8 kB in a burst", "burst", 1.2, 320, streams=True)
PACED = Case("the same, one each 10 ms", "paced", 5.5, 32, streams=True)
CASES = (
    TEXT,
    Case("100 kB audio out", "100k", 0.40, 800),
    Case("1 MB audio out", "1m", 1.5, 160),
    MEGABYTE_IN,
    LARGE_IN,
    BURST,
    PACED,
)
SLOW = Case("10 MB audio in, to an upstream that is slow", "slow", 0, 16, sent=7_500_000)

SOUND_OUT = {"text": 0, "slow": 0, "100k": 100_000, "1m": 1_000_000}
KINDS = (*SOUND_OUT, "burst", "paced")


@cache
def sound(size: int) -> str:
    """As much sound in base64, always the same."""
    return base64.b64encode(random.Random(size).randbytes(size)).decode()  # noqa: S311 - it is no secret


@cache
def encode_request(case: Case) -> bytes:
    """The body of a request, which names its kind as the model."""
    content: list[object] = [{"type": "text", "text": "What is said? " * 50}]
    if case.sent:
        content.append({"type": "input_audio", "input_audio": {"data": sound(case.sent), "format": "wav"}})
    document: dict[str, object] = {
        "model": case.kind,
        "messages": [{"role": "user", "content": content}],
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "pcm16"},
    }
    return json.dumps(document | ({"stream": True} if case.streams else {})).encode()


@cache
def encode_answer(kind: str) -> bytes:
    """A whole answer; of `text` it has no sound."""
    size = SOUND_OUT[kind]
    message: dict[str, object] = {"role": "assistant", "content": None if size else "Yes. " * 20}
    if size:
        message["audio"] = {"id": "audio_1", "data": sound(size), "expires_at": 1, "transcript": "Yes."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _document("chat.completion", choices=[choice], usage=_USAGE)


def encode_event(stamp: int = 0) -> bytes:
    """A piece of sound in a streamed answer, which was sent at `stamp`."""
    audio = {"id": "audio_1", "data": f"{stamp:0{STAMP}}{sound(EVENT_BYTES)[STAMP:]}"}
    choice = {"index": 0, "delta": {"audio": audio}, "finish_reason": None}
    return b"data: %s\n\n" % _document("chat.completion.chunk", choices=[choice], usage=None)


def encode_end() -> bytes:
    """What comes after the last piece of sound."""
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    last = _document("chat.completion.chunk", choices=[choice], usage=None)
    usage = _document("chat.completion.chunk", choices=[], usage=_USAGE)
    return b"data: %s\n\ndata: %s\n\ndata: [DONE]\n\n" % (last, usage)


_USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}


def _document(type: str, **fields: object) -> bytes:
    return json.dumps({"id": "chat_1", "object": type, "created": 1, "model": "m", **fields}).encode()
