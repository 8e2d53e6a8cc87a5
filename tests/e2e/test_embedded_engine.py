"""The embedded model answers, in writing and aloud, with everything that a hosted model answers with."""

import asyncio
import io
import math
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from audiocli.chat import (
    Answer,
    AudioBytes,
    AudioDelta,
    AudioOutput,
    AudioPart,
    ChatRequest,
    Event,
    Message,
    RawPart,
    TextPart,
    TranscriptDelta,
    Usage,
    collect,
)
from audiocli.config import load
from audiocli.errors import CapabilityError, DependencyError, InputError
from audiocli.local.listen import Listener
from audiocli.local.speak import find_flite
from audiocli.local.weights import locate, locate_hearing
from audiocli.providers.embedded.chat import LocalProvider
from tests.recorded_speech import word_errors

pytestmark = pytest.mark.embedded
for package in ("xllamacpp", "onnxruntime", "pocketsphinx", "espeakng_loader", "soxr"):
    pytest.importorskip(package, reason="the local extra is not installed")

SAMPLES = Path(__file__).parents[2] / "samples"
QUESTION = "Is a golden retriever a good family dog?"
PCM = AudioOutput("alloy", "pcm16")


def _ignore(_what: str, _done: int, _total: int) -> None: ...


@pytest.fixture(scope="module")
def weights() -> Path:
    """The model's file, where a user of this machine has it; fetched if it is not there."""
    config = load({name: os.environ[name] for name in ("XDG_CACHE_HOME", "HOME") if name in os.environ})
    try:
        asyncio.run(locate_hearing(config.cache_dir, _ignore))
        return asyncio.run(locate(None, config.cache_dir, _ignore))
    except DependencyError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="module")
def provider(weights: Path) -> LocalProvider:
    return LocalProvider(None, weights.parent, _ignore)


def _request(*parts: TextPart | AudioPart | RawPart, **options: Any) -> ChatRequest:
    return ChatRequest(model="smollm2-135m", messages=(Message("user", parts),), **{"seed": 1, **options})


ASKED = _request(TextPart(QUESTION), audio=PCM)


async def _events(provider: LocalProvider, request: ChatRequest) -> AsyncGenerator[Event, None]:
    async with aclosing(provider.stream(request)) as stream:
        async for event in stream:
            yield event


def _answer(provider: LocalProvider, request: ChatRequest) -> Answer:
    return asyncio.run(collect(_events(provider, request)))


def _sound_file(name: str) -> AudioPart:
    return AudioPart(AudioBytes((SAMPLES / name).read_bytes()), "wav")


def test_a_spoken_answer_has_everything(provider: LocalProvider) -> None:
    before = int(time.time())
    answer = _answer(provider, ASKED)
    done = answer.finished
    assert done.id is not None
    assert done.id.startswith("chatcmpl-")
    assert done.audio_id is not None
    assert (done.audio_id[:6], len(done.audio_id)) == ("audio_", 38)
    assert done.created is not None
    assert before <= done.created <= time.time()
    assert done.expires_at == done.created + 3600
    assert (done.model, done.finish_reason) == ("local/smollm2-135m", "stop")
    assert answer.text.rstrip().endswith((".", "!", "?"))
    assert len(answer.audio) / 48_000 > len(answer.text.split()) / 5  # nobody speaks 5 words in a second


def test_usage_counts_50_ms_of_sound_as_a_token(provider: LocalProvider) -> None:
    answer = _answer(provider, ASKED)
    usage = answer.finished.usage
    assert usage is not None
    assert usage.output_audio_tokens == math.ceil(len(answer.audio) / 2400)
    assert 10 < usage.output_tokens - usage.output_audio_tokens <= 160
    assert (usage.input_tokens, usage.input_audio_tokens) == (41, 0)


def test_sound_starts_while_the_answer_is_being_thought(provider: LocalProvider) -> None:
    async def kinds() -> list[type[Event]]:
        return [type(event) async for event in _events(provider, ASKED)]

    order = asyncio.run(kinds())
    assert order.index(AudioDelta) < len(order) - 1 - order[::-1].index(TranscriptDelta)


def test_a_written_answer_has_no_sound(provider: LocalProvider) -> None:
    answer = _answer(provider, _request(TextPart(QUESTION)))
    assert len(answer.text.split()) > 5
    assert (answer.audio, answer.finished.audio_id, answer.finished.expires_at) == (b"", None, None)
    assert answer.finished.usage is not None
    assert answer.finished.usage.output_audio_tokens == 0


def test_a_seed_repeats_an_answer_and_a_limit_cuts_it(provider: LocalProvider) -> None:
    first, again = (_answer(provider, _request(TextPart(QUESTION), max_tokens=9)) for _ in range(2))
    assert first.text == again.text
    assert first.finished.finish_reason == "length"
    assert first.finished.usage == Usage(input_tokens=41, output_tokens=9)


def test_an_answer_ends_before_what_shall_stop_it(provider: LocalProvider) -> None:
    whole = _answer(provider, _request(TextPart(QUESTION)))
    stop = " ".join(whole.text.split()[3:5])
    for audio in (None, PCM):
        asked = _request(TextPart(QUESTION), audio=audio, extra={"stop": ["never said", stop]})
        answer = _answer(provider, asked)
        assert answer.text == whole.text.partition(stop)[0]
        assert answer.finished.finish_reason == "stop"


def test_text_with_marks_for_another_service_is_text(provider: LocalProvider) -> None:
    marked = RawPart({"type": "text", "text": QUESTION, "cache_control": {"type": "ephemeral"}})
    answers = [_answer(provider, _request(part, max_tokens=9)) for part in (TextPart(QUESTION), marked)]
    assert answers[0].text == answers[1].text


def test_a_penalty_changes_an_answer(provider: LocalProvider) -> None:
    answers = [
        _answer(provider, _request(TextPart(QUESTION), temperature=0.0, extra={"frequency_penalty": penalty}))
        for penalty in (0, 2)
    ]
    assert answers[0].text != answers[1].text


def test_a_spoken_question_is_understood(provider: LocalProvider) -> None:
    answer = _answer(provider, _request(_sound_file("question.wav")))
    assert "golden retriever" in answer.text.lower()
    usage = answer.finished.usage
    assert usage is not None
    assert usage.input_audio_tokens == 37  # of 3.6 s
    assert usage.input_tokens == 41 + 37


def test_a_wav_is_one_file_with_its_real_size(provider: LocalProvider) -> None:
    answer = _answer(provider, _request(TextPart(QUESTION), audio=AudioOutput("alloy", "wav")))
    with wave.open(io.BytesIO(answer.audio)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24_000, 1, 2)
        assert sound.getnframes() * 2 == len(answer.audio) - 44


def test_the_answer_is_what_is_spoken(provider: LocalProvider, weights: Path) -> None:
    """Read back by the recogniser; espeak-ng cannot be read."""
    if not find_flite():
        pytest.skip("flite is not installed")
    answer = _answer(provider, _request(TextPart(QUESTION), audio=AudioOutput("rms", "wav")))
    heard = asyncio.run(Listener(weights.parent, _ignore).listen(AudioBytes(answer.audio))).text
    errors, words = word_errors(answer.text, heard)
    assert errors < words / 3


def test_a_later_message_may_name_a_spoken_answer(provider: LocalProvider) -> None:
    spoken = _answer(provider, ASKED).finished
    follow_up = Message("user", (TextPart("Why?"),))
    messages = (*ASKED.messages, Message("assistant", audio_id=spoken.audio_id), follow_up)
    answer = _answer(provider, ChatRequest(model="x", messages=messages, max_tokens=3, seed=1))
    assert answer.finished.usage is not None
    assert spoken.usage is not None
    words = spoken.usage.output_tokens - spoken.usage.output_audio_tokens
    assert answer.finished.usage.input_tokens > spoken.usage.input_tokens + words


def test_an_unknown_audio_id_is_refused(provider: LocalProvider) -> None:
    messages = (Message("assistant", audio_id="audio_none"), *ASKED.messages)
    with pytest.raises(InputError, match="audio_none"):
        _answer(provider, ChatRequest(model="x", messages=messages))


def test_audio_without_words_is_refused(provider: LocalProvider) -> None:
    silence = (SAMPLES / "hello.wav").read_bytes()[:44] + bytes(64_000)
    with pytest.raises(InputError, match="no words"):
        _answer(provider, _request(AudioPart(AudioBytes(silence), "wav")))


def test_a_format_that_it_cannot_make_is_refused(provider: LocalProvider) -> None:
    with pytest.raises(CapabilityError, match="flac"):
        _answer(provider, _request(TextPart("Hi"), audio=AudioOutput("alloy", "flac")))


def test_a_conversation_that_is_too_long_is_refused(provider: LocalProvider) -> None:
    with pytest.raises(InputError, match="tokens"):
        _answer(provider, _request(TextPart(QUESTION * 300)))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"nonsense" * 100)
    with pytest.raises(DependencyError, match="cannot be loaded"):
        _answer(LocalProvider(broken, tmp_path, _ignore), _request(TextPart("Hi")))


def test_two_questions_at_once_are_both_answered(weights: Path) -> None:
    fresh = LocalProvider(weights, weights.parent, _ignore)

    async def both() -> list[Answer]:
        return await asyncio.gather(*(collect(_events(fresh, ASKED)) for _ in range(2)))

    assert all(len(answer.audio) > 48_000 for answer in asyncio.run(both()))


@pytest.mark.parametrize("question", [QUESTION, QUESTION * 100], ids=["answering", "reading a long prompt"])
def test_cancelling_is_quick_and_the_next_answer_comes(provider: LocalProvider, question: str) -> None:
    async def cancel() -> float:
        task = asyncio.create_task(collect(_events(provider, _request(TextPart(question), audio=PCM))))
        await asyncio.sleep(0.2)
        assert not task.done()
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await collect(_events(provider, _request(TextPart("Hi"), max_tokens=1)))  # waits for the model
        return time.monotonic() - started

    assert asyncio.run(cancel()) < 2  # reading the long prompt to its end takes 8 s


PROGRAM = """
import asyncio, sys
from contextlib import aclosing
from pathlib import Path
from audiocli.chat import AudioOutput, ChatRequest, Message, TextPart
from audiocli.providers.embedded.chat import LocalProvider
from tests.recorded_speech import word_errors

async def main():
    provider = LocalProvider(None, Path(sys.argv[1]), lambda what, done, total: None)
    parts = (TextPart(sys.argv[2]),)
    request = ChatRequest(model="x", messages=(Message("user", parts),), audio=AudioOutput("alloy", "pcm16"))
    async with aclosing(provider.stream(request)) as stream:
        async for event in stream:
            print(type(event).__name__, flush=True)

asyncio.run(main())
"""


def _start(weights: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", PROGRAM, str(weights.parent), QUESTION]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_nothing_but_events_reaches_the_streams(weights: Path) -> None:
    out, err = _start(weights).communicate(timeout=60)
    assert err == b""
    assert set(out.split()) == {b"AudioStarted", b"TranscriptDelta", b"AudioDelta", b"Finished"}


def test_control_c_is_not_taken_from_python(weights: Path) -> None:
    """llama.cpp's server wants signals for itself."""
    process = _start(weights)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"AudioStarted\n", b"TranscriptDelta\n"]
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert err.splitlines()[-1] == b"KeyboardInterrupt"
    assert process.returncode == -signal.SIGINT
    assert time.monotonic() - started < 2


def test_nothing_listens_where_others_can_connect(weights: Path) -> None:
    process = _start(weights)
    assert process.stdout is not None
    process.stdout.readline()
    inodes = _sockets(process.pid)
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    open_ports = [fields[1] for fields in listening if fields[9] in inodes]
    process.communicate(timeout=60)
    assert open_ports == []


def _sockets(pid: int) -> set[str]:
    folder = Path(f"/proc/{pid}/fd")
    if not folder.is_dir():
        pytest.skip("there is no /proc")
    targets = [os.readlink(path) for path in folder.iterdir()]
    return {target[8:-1] for target in targets if target.startswith("socket:[")}
