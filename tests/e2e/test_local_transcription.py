"""The embedded recogniser writes down English speech of any length, with the time of each word."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
import wave
from contextlib import aclosing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from audiocli.audio.containers.wav import wav_header
from audiocli.audio.reading.pieces import cut, part_of
from audiocli.audio.reading.recorded import examine
from audiocli.chat import AudioBytes, AudioPart
from audiocli.local.listen import Listener, processors
from audiocli.providers.base import Transcriber
from audiocli.providers.embedded.recogniser import LocalTranscriber
from audiocli.providers.pace import Pace, reliable
from audiocli.transcript import Transcript, TranscriptionRequest, Word
from tests.e2e.conftest import CACHE
from tests.recorded import needs_recordings
from tests.recorded_speech import clips, word_errors

pytestmark = [pytest.mark.embedded, pytest.mark.usefixtures("embedded_model")]

SAMPLES = Path(__file__).parents[2] / "samples"
QUESTION = "Is a golden retriever a good family dog"
HELLO = "Hello there, what is your name?"


def _ignore(_what: str, _done: int, _total: int) -> None: ...


@pytest.fixture(scope="module")
def transcriber() -> LocalTranscriber:
    return LocalTranscriber(CACHE, _ignore)


def _pcm(name: str) -> bytes:
    with wave.open(str(SAMPLES / name)) as sound:
        return bytes(sound.readframes(sound.getnframes()))


def _wav(pcm: bytes, rate: int = 16_000) -> bytes:
    return wav_header(len(pcm), rate) + pcm


async def _transcribe(transcriber: Transcriber, content: bytes) -> Transcript:
    audio = AudioPart(AudioBytes(content), "wav")
    request = TranscriptionRequest(model="x", audio=audio, duration=1.0, words=True)
    async with aclosing(transcriber.stream(request)) as stream:
        (transcript,) = [event async for event in stream]
    assert isinstance(transcript, Transcript)
    return transcript


def _words(transcript: Transcript) -> list[Word]:
    return [word for segment in transcript.segments for word in segment.words]


def test_words_come_with_times_and_confidence(transcriber: LocalTranscriber) -> None:
    transcript = asyncio.run(_transcribe(transcriber, (SAMPLES / "question.wav").read_bytes()))
    assert word_errors(QUESTION, transcript.text) == (0, 8)
    assert (transcript.timing, transcript.language) == ("word", "en")
    assert transcript.duration == pytest.approx(3.64, abs=0.01)
    words = _words(transcript)
    assert words[0].start >= 0
    assert words[-1].end <= transcript.duration
    assert all(a.start < a.end <= b.start + 0.011 for a, b in pairwise(words))
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in words)


def test_silence_is_no_words_and_no_error(transcriber: LocalTranscriber) -> None:
    transcript = asyncio.run(_transcribe(transcriber, _wav(bytes(96_000))))
    assert (transcript.segments, transcript.text, transcript.duration) == ((), "", 3.0)


def test_the_same_sound_is_the_same_text_whatever_came_before(transcriber: LocalTranscriber) -> None:
    async def thrice() -> list[Transcript]:
        names = ("question.wav", "hello.wav", "question.wav")
        return [await _transcribe(transcriber, (SAMPLES / name).read_bytes()) for name in names]

    first, _, again = asyncio.run(thrice())
    assert first == again


def test_three_minutes_are_written_down_in_pieces(transcriber: LocalTranscriber) -> None:
    pause = bytes(25_600)  # 0.8 s
    pcm = (_pcm("question.wav") + pause + _pcm("hello.wav") + pause) * 25
    sound = examine(AudioBytes(_wav(pcm)), "long.wav")
    assert sound.duration > 180
    pieces = list(cut(sound, transcriber.limits.seconds))
    assert len(pieces) > 2

    async def all_pieces() -> list[Transcript]:
        parts = [part_of(sound, piece, transcriber.limits.formats, 2**24) for piece in pieces]
        contents = [part.source.open().read() for part in parts]
        return await asyncio.gather(*(_transcribe(transcriber, content) for content in contents))

    transcripts = asyncio.run(all_pieces())
    heard = " ".join(transcript.text for transcript in transcripts)
    errors, words = word_errors(f"{QUESTION} {HELLO} " * 25, heard)
    assert errors <= words * 0.05
    starts = [
        piece.start + word.start
        for piece, transcript in zip(pieces, transcripts, strict=True)
        for word in _words(transcript)
    ]
    assert starts == sorted(starts)
    # Every question begins where it was put.
    each = len(pcm) / 25 / 32_000
    begun = [start % each for start in starts[::14]]
    assert sum(min(offset, each - offset) < 0.6 for offset in begun) >= 20


@needs_recordings
def test_recorded_voices_are_understood() -> None:
    """At most one word in twenty is wrong, of those clips that are long enough to tell."""

    async def hear() -> list[tuple[int, int]]:
        listener = Listener(CACHE, _ignore)
        heard = [(clip.text, await listener.listen(AudioBytes(clip.content))) for clip in clips()]
        return [word_errors(said, recognition.text) for said, recognition in heard]

    counts = asyncio.run(hear())
    for chosen in (counts, [count for count in counts if 16 <= count[1] <= 24]):
        assert sum(errors for errors, _ in chosen) <= sum(words for _, words in chosen) * 0.05


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 8)])
def test_any_rate_and_any_number_of_channels_is_heard(rate: int, channels: int) -> None:
    import numpy as np
    import soundfile
    import soxr

    samples = np.frombuffer(_pcm("question.wav"), "<i2").astype("f4") / 32_768
    resampled = soxr.resample(samples, 16_000, rate)
    file = io.BytesIO()
    soundfile.write(file, np.repeat(resampled[:, None], channels, axis=1), rate, format="WAV")
    recognition = asyncio.run(Listener(CACHE, _ignore).listen(AudioBytes(file.getvalue())))
    assert word_errors(QUESTION, recognition.text)[0] <= 1


def _children() -> set[int]:
    return _children_of(os.getpid())


def _children_of(pid: int) -> set[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("there is no /proc")
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended just now
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found


def test_cancelling_ends_the_recogniser_at_once() -> None:
    before = _children()
    minutes = _wav(_pcm("question.wav") * 150)  # 9 minutes, which take 15 s

    async def cancel() -> float:
        own = LocalTranscriber(CACHE, _ignore)
        task = asyncio.create_task(_transcribe(own, minutes))
        await asyncio.sleep(2)
        assert not task.done()
        assert len(_children() - before) == 1
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - started

    assert asyncio.run(cancel()) < 1
    assert _children() <= before


def test_processes_are_kept_for_the_next_request_and_end_with_the_transcriber() -> None:
    before = _children()
    content = (SAMPLES / "hello.wav").read_bytes()

    async def use(count: int, own: LocalTranscriber) -> set[int]:
        await asyncio.gather(*(_transcribe(own, content) for _ in range(count)))
        return _children() - before

    own = LocalTranscriber(CACHE, _ignore)
    (first,) = asyncio.run(use(1, own))
    assert asyncio.run(use(1, own)) == {first}
    assert len(asyncio.run(use(processors() + 2, own))) == processors()
    del own
    assert _children() <= before


def test_a_recogniser_that_was_killed_is_replaced() -> None:
    before = _children()
    own = LocalTranscriber(CACHE, _ignore)
    content = (SAMPLES / "hello.wav").read_bytes()
    first = asyncio.run(_transcribe(own, content))
    for pid in _children() - before:
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # of all its threads
    assert asyncio.run(_transcribe(own, content)) == first


def test_a_recogniser_that_is_killed_while_it_is_asked_is_asked_again() -> None:
    content = (SAMPLES / "hello.wav").read_bytes()
    careful = reliable(LocalTranscriber(CACHE, _ignore), Pace(1))

    async def kill_and_hear() -> Transcript:
        before = _children()
        hearing = asyncio.create_task(_transcribe(careful, content))
        while not (begun := _children() - before):  # noqa: ASYNC110 - nothing tells of a process
            await asyncio.sleep(0.01)
        for pid in begun:
            os.kill(pid, signal.SIGKILL)
        return await hearing

    assert word_errors(HELLO, asyncio.run(kill_and_hear()).text)[0] <= 1


PARENT = """
import asyncio, sys
from pathlib import Path
from audiocli.chat import AudioBytes
from audiocli.local.listen import Listener

async def main():
    listener = Listener(Path(sys.argv[1]), lambda what, done, total: None)
    await listener.listen(AudioBytes(Path(sys.argv[2]).read_bytes()))
    print("heard", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_it_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", PARENT, str(CACHE), str(SAMPLES / "hello.wav")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"heard\n"
        (child,) = _children_of(parent.pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    _wait_for_end_of(child)


def _wait_for_end_of(pid: int) -> None:
    deadline = time.monotonic() + 10
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_file_in_the_current_folder_is_not_run(tmp_path: Path) -> None:
    """Not even one that has the name of a package which the recogniser imports."""
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    command = [sys.executable, "-P", "-c", PARENT, str(CACHE), str(SAMPLES / "hello.wav")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"heard\n"
        parent.kill()
