"""What OpenAI's Python client makes of a server: one JSON object on stdout, a member for each thing asked.

`python openai_client.py URL KEY SOUND TARGET`: a recording to send, and a file for the speech that comes
back. It keeps to what all versions of the client have, from 1.109 on.
"""

import base64
import json
import sys
from typing import Any

import openai

URL, KEY, SOUND, TARGET = sys.argv[1:]

HI = [{"role": "user", "content": "Hi"}]
SPOKEN = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
USAGE = {"include_usage": True}
ERRORS = {
    "unknown": "nobody",
    "invalid": "invalid",
    "busy": "busy",
    "broken": "broken",
    "silent": "silent",
    "unreachable": "unreachable",
}


def main() -> None:
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=30)
    told = {
        "version": openai.__version__,
        "written": written(client),
        "written without /v1": written(client.with_options(base_url=URL)),
        "heard": heard(client),
        "spoken": spoken(client),
        "streamed": streamed(client),
        "streamed by the helper": streamed_by_the_helper(client),
        "transcribed": {form: transcribed(client, form) for form in ("json", "text", "srt", "vtt")},
        "timed": timed(client),
        "translated": translated(client),
        "said": said(client),
        "models": [model.id for model in client.models.list()],
        "models without /v1": [model.id for model in client.with_options(base_url=URL).models.list()],
        "model": client.models.retrieve("voice").id,
        "errors": {name: failure(client, model) for name, model in ERRORS.items()},
        "wrong key": failure(client.with_options(api_key="sk-wrong"), "voice"),
        "cut": cut(client),
        "retried": failure(client.with_options(max_retries=2), "flaky"),
    }
    json.dump(told, sys.stdout)


def written(client: Any) -> Any:
    completion = client.chat.completions.create(model="voice", messages=HI)
    choice = completion.choices[0]
    return [choice.message.content, choice.finish_reason, completion.usage.total_tokens]


def heard(client: Any) -> Any:
    with open(SOUND, "rb") as file:
        data = base64.b64encode(file.read()).decode()
    audio = {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    completion = client.chat.completions.create(
        model="voice", messages=[{"role": "user", "content": [audio]}]
    )
    return completion.choices[0].message.content


def spoken(client: Any) -> Any:
    message = client.chat.completions.create(model="speaking", messages=HI, **SPOKEN).choices[0].message
    return [message.content, message.audio.id, message.audio.transcript, message.audio.data]


def streamed(client: Any) -> Any:
    stream = client.chat.completions.create(
        model="speaking", messages=HI, stream=True, stream_options=USAGE, **SPOKEN
    )
    # Before 3.0 the client has no type for the sound of a delta.
    chunks = [chunk.model_dump() for chunk in stream]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    sounds = [choice["delta"]["audio"] for choice in choices if choice["delta"].get("audio")]
    return {
        "ids": sorted({sound["id"] for sound in sounds if sound.get("id")}),
        "transcript": "".join(sound.get("transcript") or "" for sound in sounds),
        "data": "".join(sound.get("data") or "" for sound in sounds),
        "finish_reasons": [choice["finish_reason"] for choice in choices if choice["finish_reason"]],
        "tokens": [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")],
    }


def streamed_by_the_helper(client: Any) -> Any:
    with client.chat.completions.stream(
        model="speaking", messages=HI, stream_options=USAGE, **SPOKEN
    ) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    choice = completion.choices[0]
    audio = choice.message.audio
    return {
        "ids": [audio.id],
        "transcript": audio.transcript,
        "data": audio.data,
        "finish_reasons": [choice.finish_reason],
        "tokens": [completion.usage.total_tokens],
    }


def transcribed(client: Any, form: str) -> Any:
    with open(SOUND, "rb") as file:
        answer = client.audio.transcriptions.create(model="voice", file=file, response_format=form)
    return answer if isinstance(answer, str) else answer.text


def timed(client: Any) -> Any:
    with open(SOUND, "rb") as file:
        answer = client.audio.transcriptions.create(
            model="voice",
            file=file,
            response_format="verbose_json",
            timestamp_granularities=["segment"],
        )
    return [answer.text, len(answer.segments)]


def translated(client: Any) -> Any:
    with open(SOUND, "rb") as file:
        return client.audio.translations.create(model="voice", file=file).text


def said(client: Any) -> Any:
    speech = client.audio.speech.with_streaming_response
    with speech.create(model="voice", voice="alloy", input="Hi", response_format="wav") as response:
        response.stream_to_file(TARGET)
        return response.headers["content-type"]


def failure(client: Any, model: str) -> Any:
    try:
        client.chat.completions.create(model=model, messages=HI)
    except openai.APIStatusError as error:
        headers = error.response.headers
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "retry after": headers.get("retry-after"),
            "request id": error.request_id,
        }
    return None


def cut(client: Any) -> Any:
    """What is raised for a stream that the model's server breaks off, after how many chunks."""
    count = 0
    try:
        for _ in client.chat.completions.create(model="cut", messages=HI, stream=True):
            count += 1
    except openai.APIError as error:
        return [type(error).__name__, count]
    return None


main()
