"""What is public, and what importing it costs."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import audiocli
from audiocli import exceptions
from audiocli.catalog import lookup

STUB = Path(audiocli.__file__).with_name("__init__.pyi")

PUBLIC = {
    *("__version__", "ask", "aask", "stream", "astream", "transcribe", "atranscribe", "capabilities"),
    *("Transcript", "Segment", "Word"),
    *("completion", "acompletion", "supports_audio_input", "supports_audio_output", "Document"),
    *("Answer", "Capabilities", "Event", "TextDelta", "TranscriptDelta", "AudioStarted", "AudioDelta"),
    *("Finished", "Usage"),
    *("AudiocliError", "UsageError", "ConfigError", "InputError", "DependencyError", "CapabilityError"),
    *("OutputError", "ProviderError", "AuthenticationError", "RejectedError", "RateLimitError"),
    *("ConnectError", "DeadlineError", "ServerError", "ReplyError"),
    *("transcription", "atranscription", "speech", "aspeech", "completion_cost", "get_model_info"),
    *("exceptions", *exceptions.__all__),
}


def test_these_names_are_public_and_no_other() -> None:
    assert set(audiocli.__all__) == PUBLIC
    assert len(audiocli.__all__) == len(PUBLIC)


def test_every_public_name_is_there() -> None:
    for name in PUBLIC:
        assert getattr(audiocli, name) is not None
        assert name in dir(audiocli)


def test_type_checkers_are_told_of_the_same_names() -> None:
    told = set()
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            told |= {alias.asname for alias in node.names}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            told.add(node.target.id)
        elif isinstance(node, ast.FunctionDef):
            told.add(node.name)
    assert told == PUBLIC | {"__all__"}


def test_capabilities_tells_what_the_table_knows() -> None:
    known = audiocli.capabilities("gpt-audio-1.5")
    assert known is not None
    assert known == lookup("gpt-audio-1.5") == audiocli.capabilities("gpt-audio-1.5", "openai")
    assert known.audio_output is True
    assert audiocli.capabilities("nobody/knows") is None


def test_each_of_litellms_errors_is_one_of_ours() -> None:
    for name in exceptions.__all__:
        assert issubclass(getattr(audiocli, name), audiocli.AudiocliError)
        assert getattr(exceptions, name) is getattr(audiocli, name)


@pytest.mark.parametrize(
    "name", ["completion", "acompletion", "speech", "transcription", "ask", "transcribe"]
)
def test_signatures_are_whole(name: str) -> None:
    """As an IDE shows them: no `**arguments`, and nothing that only a program can read."""
    parameters = inspect.signature(getattr(audiocli, name)).parameters.values()
    assert not [each for each in parameters if each.kind is each.VAR_KEYWORD]
    assert not [each for each in parameters if "lambda" in str(each.default)]
    assert len(parameters) > 10


def test_a_name_that_is_not_public_is_not_there() -> None:
    assert not hasattr(audiocli, "transmogrify")


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys; before = set(sys.modules); import audiocli; print(*set(sys.modules) - before)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert result.stdout.split() == ["audiocli"]
