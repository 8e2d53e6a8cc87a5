"""`audiocli ask` with the embedded model: from voice to voice, with no key and no network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.command import audiocli, environment, error_line

SAMPLES = Path(__file__).parents[2] / "samples"

pytestmark = [pytest.mark.embedded, pytest.mark.usefixtures("embedded_model")]


def test_a_question_is_answered_aloud_on_a_fresh_machine(tmp_path: Path) -> None:
    result = audiocli(
        "ask", "Is a golden retriever a good family dog?", "-o", "dog.wav", "--seed", "1", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) > 5
    assert b"small and often wrong" in result.stderr
    sound, rate = soundfile.read(tmp_path / "dog.wav")
    assert rate == 24_000
    assert len(sound) > rate
    assert abs(sound).max() > 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["dog.wav"]


def test_a_spoken_question_is_understood(tmp_path: Path) -> None:
    arguments = ["-a", str(SAMPLES / "question.wav"), "-o", "answer.wav", "--json", "--seed", "1"]
    result = audiocli("ask", *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert {"dog", "dogs", "retriever", "retrievers"} & set(document["transcript"].lower().split())
    usage, audio = document["usage"], document["audio"]
    assert usage["input_audio_tokens"] > 20
    assert usage["output_audio_tokens"] == pytest.approx(audio["duration_s"] / 0.05, abs=1)
    assert usage["cost_usd"] == 0
    assert audio["id"].startswith("audio_")
    assert document["finish_reason"] in ("stop", "length")


def test_a_written_answer_needs_no_sound() -> None:
    result = audiocli("ask", "Say hello.", "-m", "local", "-q", "--max-tokens", "8")
    assert result.returncode == 0
    assert result.stdout.strip()
    assert result.stderr == b""


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        (["-m", "local"], 2, b"the embedded model is not installed"),
        ([], 4, b"there is no key, and no embedded model"),
    ],
)
def test_without_its_packages_it_says_what_to_install(model: list[str], code: int, says: bytes) -> None:
    """A client without the extra, as `pip install .` makes it: the packages are not on its path."""
    program = "import sys; sys.modules['xllamacpp'] = None; from audiocli.cli import main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-c", program, "ask", "hi", *model],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert result.returncode == code
    assert says in result.stderr
    assert b"install audiocli with its 'local' extra" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("sample", ["ask.sh", "ask.py"])
def test_the_samples_run(tmp_path: Path, sample: str) -> None:
    arguments = {"ask.sh": [str(tmp_path)], "ask.py": ["Say hello.", str(tmp_path / "answer.wav")]}[sample]
    interpreter = "sh" if sample.endswith(".sh") else sys.executable
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    result = subprocess.run(
        [interpreter, str(SAMPLES / sample), *arguments],
        env=environment(PATH=path),
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert result.stdout.strip()
    assert soundfile.info(tmp_path / "answer.wav").duration > 0.5


def test_a_question_that_is_too_long_is_a_wrong_input_and_not_a_services_refusal() -> None:
    result = audiocli("ask", "-m", "local", "word " * 3000)
    assert result.returncode == 2
    assert "the limit of the embedded model is 2,048" in error_line(result)


@pytest.mark.parametrize(("arguments", "says"), [(["-l", "de"], "English"), (["--speakers"], "speak")])
def test_what_the_embedded_recogniser_cannot_do_is_a_limit_of_the_model(
    arguments: list[str], says: str
) -> None:
    result = audiocli("transcribe", "samples/hello.wav", "-m", "local", *arguments)
    assert result.returncode == 3
    assert says in error_line(result)
