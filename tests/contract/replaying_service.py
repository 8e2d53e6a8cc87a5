"""A service that answers as OpenAI's has been recorded to, or fails as the first member of the path says."""

import base64
import json

from tests.gateway import answer, chunk, chunked, hold, refuse
from tests.recorded import recorded, recorded_json
from tests.servers import Exchange, Script

TRANSLATION = "Good morning."
RETRY_AFTER = "20"

_CHAT, _AUDIO = "openai-chat-audio", "openai-audio-endpoints"
_TIMED = {
    b"srt": f"{_AUDIO}/transcription-srt.json",
    b"vtt": f"{_AUDIO}/transcription-vtt.json",
    b"verbose_json": f"{_AUDIO}/transcription-verbose-json.json",
}


def answer_as_recorded(exchange: Exchange) -> None:
    name, _, path = exchange.head.split(b" ")[1].decode().removeprefix("/").partition("/")
    if "transfer-encoding" in exchange.headers:  # a form whose length its sender did not know
        exchange.body = chunked(exchange)
    if name in _FAILING:
        _FAILING[name](exchange)
    else:
        _WORKING[name, path](exchange)


def _chat(exchange: Exchange) -> None:
    if b"input_audio" in exchange.body:
        _reply(exchange, f"{_CHAT}/gpt-audio-mini-audio-in.json")
    else:
        answer(exchange)


def _speak(exchange: Exchange) -> None:
    if json.loads(exchange.body).get("stream"):
        exchange.reply(recorded_stream(), media_type="text/event-stream", Connection="close")
    else:
        exchange.reply(recorded(f"{_CHAT}/current-ChatWithAudio-0.response.json"), Connection="close")


def _say(exchange: Exchange) -> None:
    exchange.reply(recorded_speech(), media_type="audio/wav", Connection="close")


def recorded_stream() -> bytes:
    return recorded(f"{_CHAT}/current-ChatWithBasicAudioOutput-0.response.sse")


def recorded_speech() -> bytes:
    return base64.b64decode(recorded_json(f"{_AUDIO}/speech-wav.json")["response"]["body"]["text"])


def _transcribe(exchange: Exchange) -> None:
    form = exchange.body.partition(b'name="response_format"\r\n\r\n')[2].partition(b"\r\n")[0]
    if form in _TIMED:
        _reply(exchange, _TIMED[form])
    elif form == b"text":
        exchange.reply(b"Hello.\n", media_type="text/plain; charset=utf-8", Connection="close")
    else:
        answer(exchange, {"text": "Hello.", "usage": {"type": "duration", "seconds": 2}})


def _reply(exchange: Exchange, name: str) -> None:
    response = recorded_json(name)["response"]
    body = response["body"]
    content = json.dumps(body["json"]) if "json" in body else "".join(body["parts"])
    media_type = response["headers"].get("content-type", "application/json")
    exchange.reply(content.encode(), media_type=media_type, Connection="close")


_WORKING: dict[tuple[str, str], Script] = {
    ("voice", "chat/completions"): _chat,
    ("voice", "audio/transcriptions"): _transcribe,
    ("voice", "audio/translations"): lambda exchange: answer(exchange, {"text": TRANSLATION}),
    ("voice", "audio/speech"): _say,
    ("speaking", "chat/completions"): _speak,
}
_FAILING: dict[str, Script] = {
    "invalid": lambda exchange: refuse(exchange, "400 Bad Request"),
    "busy": lambda exchange: refuse(exchange, "429 Too Many Requests", Retry_After=RETRY_AFTER),
    "broken": lambda exchange: refuse(exchange, "500 Internal Server Error"),
    "flaky": lambda exchange: refuse(exchange, "500 Internal Server Error"),
    "silent": hold,
    "cut": lambda exchange: exchange.stream(
        chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"})
    ),
}
NAMES = ("voice", "speaking", *_FAILING)
