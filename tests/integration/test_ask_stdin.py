"""What is taken from stdin is what was given for the question; and what is no text is never sent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import audiocli as library
from audiocli.errors import InputError, UsageError
from tests.command import audiocli, environment, error_line
from tests.heard import SPEECH, says
from tests.servers import Server, serve
from tests.spoken import stream

ASK = f"{sys.executable} -m audiocli ask"


def shell(script: str, folder: Path, server: Server) -> subprocess.CompletedProcess[bytes]:
    env = environment(OPENAI_BASE_URL=server.url, AUDIOCLI_MODEL="openai/m", PYTHONSAFEPATH="1")
    env["PYTHONPATH"] = str(Path(library.__file__).parents[1])
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=env, capture_output=True, timeout=60, check=False
    )


def prompts(server: Server) -> list[str]:
    return [json.loads(exchange.body)["messages"][-1]["content"] for exchange in server.exchanges]


def test_a_loop_over_a_file_asks_for_each_line_alone(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("one\ntwo\nthree\n")
    with serve(stream(b"")) as server:
        result = shell(f'while read -r line; do {ASK} "$line"; done < list', tmp_path, server)
    assert prompts(server) == ["one", "two", "three"]
    notes = result.stderr.decode().splitlines()
    assert notes == ["audiocli: stdin is left alone: another program is reading that file; - reads it"] * 2


def test_a_loop_over_recordings_leaves_the_list_alone_as_well(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{SPEECH}\n{SPEECH}\n")
    with serve(stream(b"")) as server:
        shell(f'while read -r line; do {ASK} --audio "$line" -m openai/m; done < list', tmp_path, server)
    assert len(server.exchanges) == 2
    assert b"hello.wav" not in b"".join(exchange.body for exchange in server.exchanges)


@pytest.mark.parametrize(
    ("script", "prompt"),
    [
        (f"{ASK} Summarise < list", "Summarise\n\none\ntwo"),
        (f"cat list | {ASK} Summarise", "Summarise\n\none\ntwo"),
        (f"{ASK} Summarise <<< one", "Summarise\n\none"),
        (f"{{ read -r first; {ASK} -; }} < list", "two"),
        (f"{{ read -r first; {ASK}; }} < list", "two"),
        (f"{{ read -r first; {ASK} Summarise; }} < list", "Summarise"),
        (f"{ASK} Summarise --no-stdin < list", "Summarise"),
    ],
)
def test_what_is_given_for_the_question_is_read(script: str, prompt: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("one\ntwo\n")
    with serve(stream(b"")) as server:
        result = shell(script, tmp_path, server)
    assert prompts(server) == [prompt], result.stderr


@pytest.mark.parametrize("stdin", [b"", b"text"])
@pytest.mark.parametrize("prompt", [" ", "\n", "\u200b", "\u3164"])
def test_a_prompt_of_white_space_is_not_sent(prompt: str, stdin: bytes) -> None:
    with serve(stream(b"")) as server:
        result = audiocli("ask", prompt, "--base-url", server.url, stdin=stdin)
        assert server.connections == 0
    assert result.returncode == 2
    assert "the prompt has nothing but white space" in error_line(result)


def test_white_space_on_stdin_is_nothing_to_ask() -> None:
    with serve(stream(b"")) as server:
        result = audiocli("ask", "-", "--base-url", server.url, stdin=" \u200b\n".encode())
        assert server.connections == 0
    assert (result.returncode, error_line(result)) == (
        2,
        "audiocli: there is nothing to ask; give a prompt, or audio",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "caf\udce9"),
        ("ask", "hi", "--system", "caf\udce9"),
        ("ask", "hi", "--voice", "caf\udce9"),
        ("ask", "hi", "-m", "caf\udce9"),
        ("transcribe", str(SPEECH), "--prompt", "caf\udce9"),
        ("transcribe", str(SPEECH), "-m", "caf\udce9"),
    ],
)
def test_what_is_not_utf_8_is_not_sent(arguments: tuple[str, ...]) -> None:
    with serve(stream(b"")) as server:
        result = audiocli(*arguments, "--base-url", server.url)
        assert server.connections == 0
    assert result.returncode == 2
    assert "is not valid UTF-8" in error_line(result)


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    (tmp_path / name).write_bytes(SPEECH.read_bytes())
    with serve(says()) as server:
        result = audiocli(
            *("transcribe", name, "-o", os.fsdecode(b"caf\xe9.txt"), "-m", "whisper-1"),
            *("--base-url", server.url),
            cwd=tmp_path,
            env=environment(XDG_STATE_HOME=str(tmp_path / "state")),
        )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / os.fsdecode(b"caf\xe9.txt")).exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"prompt": "  "}, UsageError),
        ({"prompt": "\u200b"}, UsageError),
        ({"prompt": "caf\udce9"}, InputError),
        ({"prompt": "hi", "system": "caf\udce9"}, InputError),
        ({"prompt": "hi", "system": " "}, UsageError),
    ],
)
def test_the_library_refuses_the_same(arguments: dict[str, str], error: type[Exception]) -> None:
    with serve(stream(b"")) as server:
        with pytest.raises(error):
            library.ask(**arguments, model="m", base_url=server.url)  # type: ignore[arg-type] # they are its
        assert server.connections == 0


def test_the_library_transcribes_with_no_prompt_that_is_no_text() -> None:
    with serve(says()) as server:
        for prompt, error in ((" ", UsageError), ("caf\udce9", InputError)):
            with pytest.raises(error):
                library.transcribe(SPEECH, prompt=prompt, model="whisper-1", base_url=server.url)
        with pytest.raises(InputError):
            library.completion(
                model="m", base_url=server.url, messages=[{"role": "user", "content": "caf\udce9"}]
            )
        assert server.connections == 0
