"""`audiocli serve` with nothing set up, and OpenAI's own client."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import openai
import pytest

from audiocli.audio.containers.sniff import sniff
from tests.command import environment
from tests.gateway import gateway

SAMPLE = Path(__file__).parents[2] / "samples" / "question.wav"


pytestmark = pytest.mark.usefixtures("embedded_model")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """OpenAI's client, at a gateway that was started as a newcomer would."""
    command = [sys.executable, "-m", "audiocli", "serve", "--port", "0", "--json"]
    log = (tmp_path_factory.mktemp("serve") / "log").open("wb")
    with log, subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
            yield made
        process.terminate()
        assert process.wait(20) == 0


def test_the_documented_question_is_answered_aloud(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="gpt-4o-audio-preview",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
        messages=[{"role": "user", "content": "Is a golden retriever a good family dog?"}],
    )
    message = completion.choices[0].message
    assert message.audio is not None
    assert message.content is None
    assert sniff(base64.b64decode(message.audio.data)) == "wav"
    assert message.audio.transcript
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


@pytest.mark.parametrize("format", ["mp3", "flac", "opus"])
def test_a_whole_answer_comes_in_the_format_that_is_asked_for(
    client: openai.OpenAI, format: Literal["mp3", "flac", "opus"]
) -> None:
    completion = client.chat.completions.create(
        model="gpt-audio-1.5",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": format},
        max_completion_tokens=10,
        messages=[{"role": "user", "content": "Say hello."}],
    )
    audio = completion.choices[0].message.audio
    assert audio is not None
    assert sniff(base64.b64decode(audio.data)) == format


def test_a_spoken_question_is_heard(client: openai.OpenAI) -> None:
    data = base64.b64encode(SAMPLE.read_bytes()).decode()
    completion = client.chat.completions.create(
        model="gpt-4o-audio-preview",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Answer briefly."},
                    {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
                ],
            }
        ],
    )
    assert completion.choices[0].message.content


def test_the_stream_helper_puts_a_spoken_answer_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="gpt-4o-audio-preview",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "pcm16"},
        messages=[{"role": "user", "content": "Say hello."}],
        stream_options={"include_usage": True},
    ) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    assert completion.choices[0].finish_reason in ("stop", "length")
    assert completion.usage is not None


@pytest.mark.parametrize("response_format", ["json", "verbose_json", "srt", "vtt", "text"])
def test_a_recording_is_written_down(client: openai.OpenAI, response_format: str) -> None:
    with SAMPLE.open("rb") as file:
        answer = client.audio.transcriptions.create(
            model="whisper-1",
            file=file,
            response_format=response_format,  # type: ignore[call-overload] # one of its literals
        )
    text = answer if isinstance(answer, str) else answer.text
    assert "golden retriever" in text.lower()


@pytest.mark.parametrize(
    ("response_format", "kind"), [("wav", "wav"), ("mp3", "mp3"), ("flac", "flac"), ("opus", "opus")]
)
def test_text_is_read_aloud(client: openai.OpenAI, response_format: str, kind: str) -> None:
    speech = client.audio.speech.create(
        model="tts-1",
        voice="alloy",
        input="Hello there.",
        response_format=response_format,  # type: ignore[arg-type] # one of its literals
    )
    assert sniff(speech.content) == kind


def test_what_is_wrong_with_a_request_is_told_as_openai_does(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="input"):
        client.audio.speech.create(model="tts-1", voice="alloy", input=" ")
    with pytest.raises(openai.BadRequestError, match="api_base"):
        client.chat.completions.create(
            model="gpt-4o-audio-preview",
            messages=[{"role": "user", "content": "hi"}],
            extra_body={"api_base": "http://127.0.0.1:1"},
        )


FUNCTION: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("member", "value"),
    [("n", 2), ("response_format", {"type": "json_object"}), ("logprobs", True), ("tool_choice", "required")],
)
def test_what_it_cannot_do_is_refused_by_the_members_name(
    client: openai.OpenAI, member: str, value: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model="gpt-audio-1.5",
            messages=[{"role": "user", "content": "How is the weather?"}],
            tools=[FUNCTION],
            **{member: value},
        )
    assert (raised.value.param, raised.value.code) == (member, "unsupported_value")


@pytest.mark.parametrize(
    ("member", "value"),
    [("include", ["logprobs"]), ("known_speaker_names", ["Ada"]), ("response_format", "diarized_json")],
)
def test_what_it_cannot_hear_is_refused_by_the_fields_name(
    client: openai.OpenAI, member: str, value: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.transcriptions.create(model="whisper-1", file=SAMPLE, **{member: value})
    assert raised.value.param is not None
    assert (raised.value.param.removesuffix("[]"), raised.value.code) == (member, "unsupported_value")


def test_words_are_timed_in_the_one_format_that_has_a_place_for_them(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "whisper-1", "timestamp_granularities": ["word"]}
    timed = client.audio.transcriptions.create(**asked, file=SAMPLE, response_format="verbose_json")
    assert timed.words
    with pytest.raises(openai.BadRequestError, match="`response_format` must be `verbose_json`") as raised:
        client.audio.transcriptions.create(**asked, file=SAMPLE, response_format="json")
    assert raised.value.type == "invalid_request_error"


def test_what_it_can_leave_undone_is_left(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="gpt-audio-1.5",
        messages=[{"role": "user", "content": "How is the weather?"}],
        tools=[FUNCTION],
        tool_choice="auto",
        n=1,
        user="somebody",
        response_format={"type": "text"},
        max_completion_tokens=5,
    )
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "length"


def test_a_recording_that_is_none_is_refused_by_the_forms_name_for_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'file' is not audio"):
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"Hello there, dear reader."))


def test_a_form_of_answer_that_is_unknown_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.transcriptions.create(
            model="whisper-1",
            file=SAMPLE,
            response_format="prose",  # type: ignore[call-overload] # which is what is tried
        )
    assert raised.value.param == "response_format"


def test_where_too_many_wait_it_is_said_when_to_come_again(client: openai.OpenAI) -> None:
    def ask(_: int) -> str | None:
        """Nothing where it is answered, else the code, and when to come again."""
        try:
            client.chat.completions.create(
                model="gpt-audio-1.5",
                max_completion_tokens=40,
                messages=[{"role": "user", "content": "Tell me a story."}],
            )
        except openai.RateLimitError as error:
            return f"{error.code} {error.response.headers['retry-after']}"
        return None

    with ThreadPoolExecutor(14) as clients:
        refusals = [*clients.map(ask, range(14))]
    assert refusals.count(None) >= 9
    assert {*refusals} == {None, "engine_busy 2"}


def test_the_engine_is_free_at_once_where_a_client_leaves(client: openai.OpenAI) -> None:
    story: Any = {
        "model": "gpt-audio-1.5",
        "max_completion_tokens": 400,
        "messages": [{"role": "user", "content": "Tell me a very long story."}],
    }
    for _ in range(3):
        with client.chat.completions.create(**story, stream=True) as stream:
            next(iter(stream))
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(**story, timeout=0.5)
    brief = client.chat.completions.create(**{**story, "max_completion_tokens": 1}, timeout=10)
    assert brief.choices[0].finish_reason == "length"


def test_while_it_hears_a_client_of_a_stream_is_told_that_it_lives(tmp_path: Path) -> None:
    sound = {"data": base64.b64encode(SAMPLE.read_bytes()).decode(), "format": "wav"}
    message = {"role": "user", "content": [{"type": "input_audio", "input_audio": sound}]}
    row = {"model_name": "small", "litellm_params": {"model": "local"}}
    with gateway(tmp_path, row, audiocli_settings={"keepalive_seconds": 0.05}) as own:
        received = own.ask("small", messages=[message], stream=True, max_completion_tokens=5).content
    assert received.startswith(b": keepalive\n\n")
    assert received.endswith(b"data: [DONE]\n\n")
    assert b": keepalive" not in received.partition(b"data:")[2]


def test_what_is_too_long_for_the_embedded_model_goes_to_its_fallback(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "model_list: [{model_name: small, litellm_params: {model: local}},"
        " {model_name: large, litellm_params: {model: echo}}]\n"
        "router_settings: {context_window_fallbacks: [{small: [large]}]}\n"
    )
    command = [sys.executable, "-m", "audiocli", "serve", "--port", "0", "--json", "--config", str(config)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
            answered = client.chat.completions.create(
                model="small", messages=[{"role": "user", "content": "word " * 3000}]
            )
        process.terminate()
        assert process.wait(20) == 0
    assert answered.choices[0].message.content == " ".join(["word"] * 3000), "echo has answered"
