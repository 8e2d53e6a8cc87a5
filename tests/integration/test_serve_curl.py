"""The curl lines of OpenAI's and LiteLLM's documentation work as they stand, but for the address."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import environment
from tests.gateway import COMPLETION, MODEL, Gateway, answer, deployment, gateway
from tests.servers import Exchange, Server, serve

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

KEY = "sk-1234-0123456789"
SAMPLE = Path(__file__).parents[2] / "samples" / "hello.wav"
MODELS = ("gpt-4o-audio-preview", "gpt-4o-transcribe", "whisper-1", "whisper", "gpt-4o-mini-tts", "tts")
SPEECH = b"ID3" + bytes(5000)

OPENAI_CHAT = r"""
curl "https://api.openai.com/v1/chat/completions" \
    -H "Content-Type: application/json" \
    -H "Authorization: Bearer $OPENAI_API_KEY" \
    -d '{
      "model": "gpt-4o-audio-preview",
      "modalities": ["text", "audio"],
      "audio": { "voice": "alloy", "format": "wav" },
      "messages": [
        {
          "role": "user",
          "content": "Is a golden retriever a good family dog?"
        }
      ]
    }'
"""
OPENAI_TRANSCRIPTION = r"""
curl --request POST \
  --url https://api.openai.com/v1/audio/transcriptions \
  --header "Authorization: Bearer $OPENAI_API_KEY" \
  --header 'Content-Type: multipart/form-data' \
  --form file=@/path/to/file/audio.mp3 \
  --form model=gpt-4o-transcribe \
  --form response_format=text
"""
OPENAI_WORDS = r"""
curl https://api.openai.com/v1/audio/transcriptions \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -H "Content-Type: multipart/form-data" \
  -F file="@/path/to/file/audio.mp3" \
  -F "timestamp_granularities[]=word" \
  -F model="whisper-1" \
  -F response_format="verbose_json"
"""
OPENAI_TRANSLATION = r"""
curl https://api.openai.com/v1/audio/translations \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -H "Content-Type: multipart/form-data" \
  -F file="@/path/to/file/audio.mp3" \
  -F model="whisper-1"
"""
OPENAI_SPEECH = r"""
curl https://api.openai.com/v1/audio/speech \
  -H "Authorization: Bearer $OPENAI_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gpt-4o-mini-tts",
    "input": "Today is a wonderful day to build something people love!",
    "voice": "coral",
    "instructions": "Speak in a cheerful and positive tone."
  }' \
  --output speech.mp3
"""
LITELLM_TRANSCRIPTION = r"""
curl --location 'http://0.0.0.0:4000/v1/audio/transcriptions' \
--header 'Authorization: Bearer sk-1234' \
--form 'file=@"/path/to/file/audio.mp3"' \
--form 'model="whisper"'
"""
LITELLM_SPEECH = r"""
curl http://0.0.0.0:4000/v1/audio/speech \
  -H "Authorization: Bearer sk-1234" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "tts",
    "input": "The quick brown fox jumped over the lazy dog.",
    "voice": "alloy"
  }' \
  -o speech.mp3
"""
LITELLM_GROUPS = r"""
curl -X 'GET' \
  'http://localhost:4000/model_group/info' \
  -H 'accept: application/json' \
  -H 'x-api-key: sk-1234'
"""


def reply(exchange: Exchange) -> None:
    path = exchange.head.split(b" ")[1].decode()
    if path.endswith("/speech"):
        exchange.reply(SPEECH, media_type="audio/mpeg", Connection="close")
    elif path.endswith(("/transcriptions", "/translations")):
        answer(exchange, {"text": "Hello."})
    else:
        answer(exchange)


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with serve(reply) as server:
        yield server


@pytest.fixture(scope="module")
def own(service: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    rows = [deployment(service.url, name, model=f"openai/{name}") for name in MODELS]
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, *rows, general_settings={"master_key": KEY}) as running:
        yield running


def run(own: Gateway, line: str, folder: Path) -> bytes:
    """Run a line of a shell, at the gateway's address, with its key, and with a recording that there is."""
    for documented in ("https://api.openai.com", "http://0.0.0.0:4000", "http://localhost:4000"):
        line = line.replace(documented, own.url)
    line = line.replace("sk-1234", KEY).replace("/path/to/file/audio.mp3", str(SAMPLE))
    command = ["sh", "-c", line]
    variables = environment(OPENAI_API_KEY=KEY)
    result = subprocess.run(command, capture_output=True, timeout=30, check=True, env=variables, cwd=folder)
    return result.stdout


def test_a_chat_with_sound(own: Gateway, service: Server, tmp_path: Path) -> None:
    assert json.loads(run(own, OPENAI_CHAT, tmp_path)) == COMPLETION
    sent = json.loads(service.exchanges[-1].body)
    assert (sent["model"], sent["audio"]) == (MODEL, {"voice": "alloy", "format": "wav"})


@pytest.mark.parametrize(
    "line", [OPENAI_TRANSCRIPTION, OPENAI_WORDS, OPENAI_TRANSLATION, LITELLM_TRANSCRIPTION]
)
def test_a_form_with_a_recording(own: Gateway, service: Server, tmp_path: Path, line: str) -> None:
    assert json.loads(run(own, line, tmp_path)) == {"text": "Hello."}
    assert SAMPLE.read_bytes() in service.exchanges[-1].body


@pytest.mark.parametrize("option", ["", "--form-escape"])
def test_a_recording_whose_name_has_quotation_marks(
    own: Gateway, service: Server, tmp_path: Path, option: str
) -> None:
    named = r'''file=@/path/to/file/audio.mp3;filename="say \"hi\" \\o/.mp3"'''
    line = LITELLM_TRANSCRIPTION.replace('file=@"/path/to/file/audio.mp3"', named).replace(
        "curl", f"curl {option}"
    )
    assert json.loads(run(own, line, tmp_path)) == {"text": "Hello."}
    written = rb"say \"hi\" \\o/.mp3" if option else rb"say %22hi%22 \o/.mp3"
    assert b'filename="' + written + b'"' in service.exchanges[-1].body


@pytest.mark.parametrize("line", [OPENAI_SPEECH, LITELLM_SPEECH])
def test_speech_goes_to_a_file(own: Gateway, tmp_path: Path, line: str) -> None:
    run(own, line, tmp_path)
    assert (tmp_path / "speech.mp3").read_bytes() == SPEECH


def test_what_the_groups_can_do(own: Gateway, tmp_path: Path) -> None:
    (group,) = [
        each
        for each in json.loads(run(own, LITELLM_GROUPS, tmp_path))["data"]
        if each["model_group"] == "gpt-4o-audio-preview"
    ]
    assert (group["supports_audio_input"], group["supports_audio_output"]) == (True, True)


@pytest.mark.parametrize("option", ["--http1.0", "--http1.1", "--http2"])
def test_every_version_that_a_client_asks_for(own: Gateway, tmp_path: Path, option: str) -> None:
    chat = OPENAI_CHAT.replace("curl", f"curl {option}", 1)
    assert json.loads(run(own, chat, tmp_path)) == COMPLETION
    form = OPENAI_WORDS.replace("curl", f"curl {option}", 1)
    assert json.loads(run(own, form, tmp_path)) == {"text": "Hello."}
