"""`audiocli.transcribe` and `atranscribe`: recordings from a program."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

import audiocli
from tests.command import KEY, environment
from tests.heard import SAID, SPEECH, says, sent
from tests.servers import serve


def test_a_path_and_bytes_become_a_transcript() -> None:
    with serve(says()) as server:
        for audio in (SPEECH, str(SPEECH), SPEECH.read_bytes()):
            transcript = audiocli.transcribe(audio, model="whisper-1", base_url=server.url, words=True)
            assert transcript.text == SAID
            assert transcript.segments[0].words[0] == audiocli.Word("Hello", 0.0, 0.5)
            assert transcript.duration == pytest.approx(2.0, abs=0.1)


def test_options_and_the_key_are_those_of_the_call() -> None:
    with serve(says()) as server:
        audiocli.transcribe(
            SPEECH,
            model="whisper-1",
            base_url=server.url,
            api_key=KEY,
            language="en",
            prompt="Zoë",
            start=0.5,
        )
    (exchange,) = server.exchanges
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    assert sent(exchange).fields["language"] == ["en"]
    assert sent(exchange).fields["prompt"] == ["Zoë"]


def test_several_at_once_and_text_as_it_comes() -> None:
    heard: list[str] = []

    async def both(url: str) -> tuple[audiocli.Transcript, audiocli.Transcript]:
        return await asyncio.gather(
            audiocli.atranscribe(SPEECH, model="whisper-1", base_url=url, show=heard.append),
            audiocli.atranscribe(SPEECH, model="whisper-1", base_url=url),
        )

    with serve(says(seconds=0.2)) as server:
        transcripts = asyncio.run(both(server.url))
    assert [each.text for each in transcripts] == [SAID, SAID]
    assert "".join(heard) == SAID


def test_errors_are_our_own() -> None:
    with serve(says()) as server:
        with pytest.raises(audiocli.InputError, match="no such file"):
            audiocli.transcribe("missing.wav", model="whisper-1", base_url=server.url)
        with pytest.raises(audiocli.InputError):
            audiocli.transcribe("", model="whisper-1", base_url=server.url)
        with pytest.raises(audiocli.UsageError, match="timeout"):
            audiocli.transcribe(SPEECH, model="whisper-1", base_url=server.url, timeout=0)
        with pytest.raises(audiocli.CapabilityError, match="words"):
            audiocli.transcribe(SPEECH, model="gpt-transcribe", base_url=server.url, words=True)
    assert server.connections == 0


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    program = "import audiocli, sys; audiocli.transcribe(open(sys.argv[1], 'rb').read(), model='whisper-1')"
    with serve(says()) as server:
        env = environment(HOME=str(tmp_path), TMPDIR=str(tmp_path), OPENAI_BASE_URL=server.url)
        subprocess.run([sys.executable, "-c", program, str(SPEECH)], env=env, check=True, timeout=60)
    assert os.listdir(tmp_path) == []
