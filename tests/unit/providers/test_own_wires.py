"""What a service does by an API of its own is refused before anything is sent to where nobody listens."""

import pytest

from audiocli.config import Config
from audiocli.errors import CapabilityError
from audiocli.providers.naming import resolve
from audiocli.providers.registry import transcriber

CONFIG = Config(environ={"GEMINI_API_KEY": "sk-test-0123456789", "XAI_API_KEY": "xai-test-0123456789"})


def _untold(what: str, done: int, total: int) -> None: ...


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("xai/grok-voice-transcribe-2.0", "https://api.x.ai/v1"),
        ("grok-stt", "https://api.x.ai/v1"),
        ("gemini/gemini-3.5-transcribe", None),
    ],
)
def test_a_transcription_that_is_elsewhere_is_refused(name: str, base_url: str | None) -> None:
    target = resolve(CONFIG, name, base_url, purpose="transcription")
    with pytest.raises(CapabilityError, match="own API is not supported"):
        transcriber(target, CONFIG, _untold)


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("xai/grok-voice-transcribe-2.0", "http://127.0.0.1:9/v1"),
        ("gemini/gemini-flash-latest", None),
    ],
)
def test_a_compatible_server_and_a_chat_model_are_asked(name: str, base_url: str | None) -> None:
    transcriber(resolve(CONFIG, name, base_url, purpose="transcription"), CONFIG, _untold)
