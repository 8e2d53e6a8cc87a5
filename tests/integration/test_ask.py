"""`audiocli ask` against a service that answers: what is sent, what is shown, where it goes."""

import base64
import io
import json
import struct
from pathlib import Path

import pytest
import soundfile

from audiocli.audio.containers.wav import wav_header
from tests.command import KEY, audiocli, environment, error_line
from tests.servers import Exchange, Server, serve

SOUND = bytes(range(240)) * 20  # 4,800 bytes of pcm16: 0.1 s, two tokens
CLIP = wav_header(len(SOUND)) + SOUND


def chunk(**members: object) -> bytes:
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-audio-1.5"}
    return b"data: " + json.dumps(document | members).encode() + b"\n\n"


def delta(**members: object) -> bytes:
    return chunk(choices=[{"index": 0, "delta": members, "finish_reason": None}])


USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "prompt_tokens_details": {"audio_tokens": 0},
    "completion_tokens_details": {"audio_tokens": 2},
}
SPOKEN = (
    delta(audio={"id": "audio_1", "transcript": "Yes,"}),
    delta(audio={"transcript": " it is."}),
    delta(audio={"data": base64.b64encode(SOUND).decode()}),
    chunk(choices=[], usage=USAGE),
    delta(audio={"expires_at": 3602}),
    b"data: [DONE]\n\n",
)


def speak(exchange: Exchange) -> None:
    exchange.stream(*SPOKEN)


def body(server: Server) -> dict[str, object]:
    document: dict[str, object] = json.loads(server.exchanges[-1].body)
    return document


def test_the_answer_is_shown_and_its_sound_saved(tmp_path: Path) -> None:
    with serve(speak) as server:
        result = audiocli("ask", "Is it?", "-o", "dog.wav", "--base-url", server.url, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, b"Yes, it is.\n")
    assert result.stderr == b"audiocli: dog.wav 0.1 s, 24 kHz mono\n" or b"$" in result.stderr
    assert (tmp_path / "dog.wav").read_bytes() == CLIP
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dog.wav"]
    assert body(server)["modalities"] == ["text", "audio"]


def test_the_key_goes_into_its_header_and_nowhere_else(tmp_path: Path) -> None:
    with serve(speak) as server:
        env = environment(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=server.url)
        result = audiocli("ask", "Is it?", "-vv", "--json", "-o", "x.wav", env=env, cwd=tmp_path)
    assert server.exchanges[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY.encode() not in result.stdout + result.stderr + server.exchanges[0].body


def test_options_become_fields_of_the_request() -> None:
    with serve(speak) as server:
        result = audiocli(
            *("ask", "hi", "-s", "Be brief", "--temperature", "0.8", "--max-tokens", "50", "--seed", "7"),
            *("--voice", "coral", "-o", "-", "-q", "--base-url", server.url),
        )
    assert result.returncode == 0
    sent = body(server)
    assert sent["messages"] == [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "hi"}]
    assert sent["audio"] == {"voice": "coral", "format": "pcm16"}
    assert (sent["temperature"], sent["max_tokens"], sent["seed"], sent["stream"]) == (0.8, 50, 7, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "content"),
    [
        (["hi"], b"", "hi"),
        ([], b"hi\n", "hi"),
        (["Summarise"], b"notes\n", "Summarise\n\nnotes"),
        (["-"], b"\xef\xbb\xbfhi", "hi"),
        (["hi", "--no-stdin"], b"ignored", "hi"),
    ],
)
def test_the_prompt_comes_from_the_line_and_from_stdin(
    arguments: list[str], stdin: bytes, content: str
) -> None:
    with serve(speak) as server:
        result = audiocli("ask", *arguments, "--base-url", server.url, stdin=stdin)
    assert result.returncode == 0
    assert body(server)["messages"] == [{"role": "user", "content": content}]


@pytest.mark.parametrize("arguments", [["What?", "-a", "-"], ["-a", "-"], ["What?"], []])
def test_audio_on_stdin_is_sent_as_it_is(arguments: list[str]) -> None:
    with serve(speak) as server:
        result = audiocli("ask", *arguments, "--base-url", server.url, stdin=CLIP)
    assert result.returncode == 0, result.stderr
    sent = json.dumps(body(server)["messages"])
    assert json.dumps({"data": base64.b64encode(CLIP).decode(), "format": "wav"}) in sent
    assert ("What?" in sent) is ("What?" in arguments)
    assert (b"taken as audio" in result.stderr) is ("-a" not in arguments)


def test_several_files_are_sent_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(CLIP)
    soundfile.write(tmp_path / "b.flac", [0.0, 0.5, -0.5, 0.0] * 600, 24_000)
    with serve(speak) as server:
        result = audiocli(
            *("ask", "Compare", "-a", "a.wav", "-a", "b.flac", "-v", "--base-url", server.url), cwd=tmp_path
        )
    assert result.returncode == 0, result.stderr
    assert b"'b.flac': FLAC turned into 16-bit WAV" in result.stderr
    assert b"sending 'a.wav' as wav, 4,844 bytes, 0.1 s" in result.stderr
    assert b"first word after 0." in result.stderr
    parts = json.loads(server.exchanges[0].body)["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "input_audio", "input_audio"]
    second = base64.b64decode(parts[2]["input_audio"]["data"])
    assert soundfile.info(io.BytesIO(second)).frames == 2400


def test_a_large_file_is_sent_in_blocks_and_whole(tmp_path: Path) -> None:
    sound = struct.pack("<h", 1234) * 1_500_001
    (tmp_path / "long.wav").write_bytes(wav_header(len(sound)) + sound)
    with serve(speak) as server:
        assert audiocli("ask", "-a", "long.wav", "--base-url", server.url, cwd=tmp_path).returncode == 0
    data = json.loads(server.exchanges[0].body)["messages"][0]["content"][0]["input_audio"]["data"]
    assert base64.b64decode(data) == wav_header(len(sound)) + sound


def test_json_is_one_document_and_nothing_else(tmp_path: Path) -> None:
    with serve(speak) as server:
        result = audiocli("ask", "hi", "--json", "-o", "x.wav", "--base-url", server.url, cwd=tmp_path)
    assert result.stderr == b""
    document = json.loads(result.stdout)
    assert document["notes"] == []
    assert document["transcript"] == "Yes, it is."
    audio = document["audio"]
    assert (audio["path"], audio["format"], audio["duration_s"]) == ("x.wav", "wav", 0.1)
    assert (audio["sample_rate"], audio["channels"]) == (24_000, 1)
    assert (audio["id"], audio["expires_at"]) == ("audio_1", 3602)
    assert document["usage"]["output_audio_tokens"] == 2
    assert document["usage"]["cost_usd"] == pytest.approx((10 * 2.5 + 3 * 10 + 2 * 64) / 1e6)
    assert set(document["timings"]) == {"first_text_s", "first_audio_s", "total_s"}


def test_usage_is_said_on_one_line() -> None:
    with serve(speak) as server:
        result = audiocli("ask", "hi", "--usage", "-q", "--base-url", server.url)
    assert result.stderr == "usage: 10 tokens in (0 audio), 5 out (2 audio, 0.1 s) · <$0.001\n".encode()


def test_a_spoken_answer_that_is_not_kept_is_mentioned() -> None:
    with serve(speak) as server:
        result = audiocli("ask", "hi", "--base-url", server.url)
    assert b"-o FILE keeps the sound" in result.stderr
    with serve(speak) as server:
        assert audiocli("ask", "hi", "-q", "--base-url", server.url).stderr == b""


def test_a_dry_run_shows_the_request_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(CLIP)
    with serve(speak) as server:
        result = audiocli(
            *("ask", "hi", "-a", "a.wav", "-o", "x.mp3", "--dry-run", "--base-url", server.url), cwd=tmp_path
        )
        assert server.exchanges == []
    document = json.loads(result.stdout)
    shown = document["messages"][0]["content"][1]["input_audio"]["data"]
    assert shown == f"{base64.b64encode(CLIP[:18]).decode()}… (6,460 characters)"
    assert server.url in result.stderr.decode()
    assert "costs about <$0.001 to send, and $0.077 for each minute" in result.stderr.decode()
    assert not (tmp_path / "x.mp3").exists()


@pytest.mark.parametrize("audio", ["a file's.wav", "b.flac", None])
def test_the_curl_line_sends_the_same_request(tmp_path: Path, audio: str | None) -> None:
    (tmp_path / "a file's.wav").write_bytes(CLIP)
    soundfile.write(tmp_path / "b.flac", [0.0, 0.5, -0.5, 0.0] * 600, 24_000)
    attached = ["-a", audio] if audio else []
    env = environment(OPENAI_API_KEY=KEY)
    with serve(speak) as server:
        arguments = ["ask", "It's $HOME `hi` \\ \"", *attached, "--base-url", server.url]
        assert audiocli(*arguments, cwd=tmp_path, env=env).returncode == 0
        line = audiocli(*arguments, "--curl", cwd=tmp_path, env=env)
        assert KEY not in line.stdout.decode()
        run_line(line.stdout.decode(), tmp_path)
    ours, curls = server.exchanges
    assert json.loads(curls.body) == json.loads(ours.body)
    assert curls.headers["authorization"] == f"Bearer {KEY}"


def run_line(line: str, folder: Path) -> None:
    import shutil
    import subprocess

    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment(OPENAI_API_KEY=KEY), check=True, timeout=30
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["hi"], 2, "unknown command 'hi'"),
        (["ask", "--nosuch"], 2, "unknown option --nosuch"),
        (["ask", "hi", "-a", "absent.wav"], 2, "there is no such file"),
        (["ask", "hi", "-a", "."], 2, "it is a directory"),
        (["ask", "hi", "-a", "empty.wav"], 2, "is empty"),
        (["ask", "hi", "-a", "page.wav"], 2, "it looks like HTML"),
        (["ask", "hi", "-a", "silent.wav"], 2, "there is no audio in it"),
        (["ask", "hi", "-a", "file:///etc/passwd"], 2, "only http and https"),
        (["ask", "hi", "-a", "long.wav", "--max-input", "1k"], 2, "is larger than"),
        (["ask", "hi", "-m", "nosuch"], 2, "unknown model 'nosuch'"),
        (["ask", "hi", "-m", "gpt-audio"], 4, "set OPENAI_API_KEY"),
        (["ask", "hi", "-o", "x.xyz"], 2, "cannot be written as 'xyz'"),
        (["ask", "hi", "-o", "noextension"], 2, "no extension"),
        (["ask", "hi", "-o", "absent/x.wav"], 8, "there is no such folder"),
        (["ask", "hi", "-o", "there.wav", "--no-clobber"], 8, "it exists already"),
        (["ask", "hi", "-o", "/dev/stdout"], 2, "use -o -"),
        (["ask", "hi", "--text-only"], 3, "answers a written question only aloud"),
        (["ask", "hi", "-m", "gpt-4o", "-o", "x.wav"], 3, "does not speak"),
        (["ask", "hi", "-m", "gpt-4o", "-a", "long.wav"], 3, "does not take audio"),
        (["ask", "hi", "--format", "mp3"], 2, "no output to write"),
        (["ask", "-", "-a", "-"], 2, "only once"),
        (["ask", "-", "--no-stdin"], 2, "--no-stdin"),
        (["ask", "hi", "--timeout", "nan"], 2, "--timeout"),
        (["ask", "hi", "--temperature", "3"], 2, "temperature"),
        (["ask", "hi", "--max-input", "lots"], 2, "is not a size"),
        (["ask", "hi", "--config", "absent.yaml"], 2, "cannot be read"),
        (["ask"], 2, "nothing to ask"),
    ],
)
def test_a_mistake_gets_one_line_and_its_exit_code(
    tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "page.wav").write_bytes(b"<!DOCTYPE html><html></html>")
    (tmp_path / "silent.wav").write_bytes(wav_header(0))
    (tmp_path / "long.wav").write_bytes(CLIP)
    (tmp_path / "there.wav").write_bytes(b"mine")
    with serve(speak) as server:
        local = "gpt-audio" in arguments or "nosuch" in arguments
        env = environment() if local else environment(OPENAI_BASE_URL=server.url)
        result = audiocli(*arguments, env=env, cwd=tmp_path)
        assert server.exchanges == []
    assert says in error_line(result)
    assert (result.returncode, result.stdout) == (code, b"")
    assert len(result.stderr.splitlines()) == 1
    assert (tmp_path / "there.wav").read_bytes() == b"mine"


def test_with_json_an_error_is_json_too(tmp_path: Path) -> None:
    for arguments, kind, says in [
        (["-a", "absent.wav"], "InputError", "absent.wav"),
        (["-o", "-"], "UsageError", "both audio and JSON"),
        (["--nosuch"], "NoSuchOption", "--nosuch"),
    ]:
        result = audiocli("ask", "hi", *arguments, "--json", cwd=tmp_path)
        error = json.loads(result.stderr)["error"]
        assert (result.stdout, error["exit_code"], error["type"]) == (b"", 2, kind)
        assert says in error["message"]


def test_details_of_an_error_are_for_whoever_asks_for_them(tmp_path: Path) -> None:
    cause = b"caused by FileNotFoundError"
    result = audiocli("ask", "hi", "-a", "absent.wav", "-v", cwd=tmp_path)
    assert cause in result.stderr
    assert "there is no such file" in error_line(result)
    assert cause not in audiocli("ask", "hi", "-a", "absent.wav", cwd=tmp_path).stderr
    told = audiocli("ask", "hi", "-a", "absent.wav", "-v", "--json", cwd=tmp_path).stderr
    assert json.loads(told)["details"][0].startswith(cause.decode())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["ask", "--help"], ["ask", "-h"]])
def test_help_has_no_colour_in_a_pipe_and_tells_the_exit_codes_or_examples(arguments: list[str]) -> None:
    result = audiocli(*arguments)
    text = result.stdout.decode()
    assert result.returncode == 0
    assert "\x1b" not in text
    assert ("Exit codes" in text) or ("Examples:" in text)


@pytest.mark.parametrize("arguments", [["--version"], ["-V"]])
def test_the_version_is_told(arguments: list[str]) -> None:
    assert audiocli(*arguments).stdout.startswith(b"audiocli 0.")


def test_an_alias_of_the_config_leads_to_its_server(tmp_path: Path) -> None:
    with serve(speak) as server:
        (tmp_path / "config.yaml").write_text(
            f"model_list: [{{model_name: mine, litellm_params: "
            f"{{model: openai/voxtral, api_base: {server.url}, api_key: os.environ/MY_KEY}}}}]"
        )
        env = environment(MY_KEY="sk-mine-0123456789", OPENAI_API_KEY=KEY)
        result = audiocli("ask", "hi", "-m", "mine", "--config", "config.yaml", env=env, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert body(server)["model"] == "voxtral"
    assert server.exchanges[0].headers["authorization"] == "Bearer sk-mine-0123456789"


def test_a_password_in_the_base_url_is_not_shown() -> None:
    with serve(speak) as server:
        url = server.url.replace("://", "://user:hunter2@")
        for arguments in (["-v"], ["--dry-run"], ["--curl"]):
            result = audiocli("ask", "hi", *arguments, "--base-url", url)
            assert result.returncode == 0, result.stderr
            assert b"hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("whisper-1", "does not chat"),
        ("gpt-realtime", "does not chat"),
        ("gpt-audio-mini-2025-10-06", "was retired"),
    ],
)
def test_a_model_that_cannot_answer_is_not_asked_unless_by_force(model: str, says: str) -> None:
    with serve(speak) as server:
        result = audiocli("ask", "hi", "-m", model, "--base-url", server.url)
        assert says in error_line(result)
        assert (result.returncode, server.exchanges) == (3, [])
        assert audiocli("ask", "hi", "-m", model, "--force", "--base-url", server.url).returncode == 0


def test_a_curl_line_has_a_key_only_where_there_is_one() -> None:
    env = environment(OPENAI_API_KEY=KEY)
    arguments = ("ask", "hi", "--curl", "--base-url", "http://127.0.0.1:9")
    assert b"$OPENAI_API_KEY" in audiocli(*arguments, env=env).stdout
    assert b"$OPENAI_API_KEY" not in audiocli(*arguments).stdout


def test_a_deployment_of_azure_is_asked_as_azure_is(tmp_path: Path) -> None:
    env = environment(AZURE_API_KEY=KEY)
    params = {
        "model": "azure/audio",
        "api_key": "os.environ/AZURE_API_KEY",
        "api_version": "2025-04-01-preview",
    }
    with serve(speak) as server:
        row = {"model_name": "mine", "litellm_params": {**params, "api_base": server.url}}
        (tmp_path / "config.yaml").write_text(json.dumps({"model_list": [row]}))
        arguments = ("ask", "hi", "-m", "mine", "--config", "config.yaml")
        assert audiocli(*arguments, cwd=tmp_path, env=env).returncode == 0
        line = audiocli(*arguments, "--curl", cwd=tmp_path, env=env).stdout
    (exchange,) = server.exchanges
    path = b"/openai/deployments/audio/chat/completions?api-version=2025-04-01-preview"
    assert exchange.head.startswith(b"POST " + path + b" ")
    assert exchange.headers["api-key"] == KEY
    assert "authorization" not in exchange.headers
    assert b'-H "api-key: $AZURE_API_KEY"' in line


def test_a_query_of_the_base_url_stays_at_its_end_and_is_not_shown() -> None:
    with serve(speak) as server:
        result = audiocli("ask", "hi", "-v", "--base-url", f"{server.url}/v1?key=hunter2")
    assert result.returncode == 0
    assert server.exchanges[0].head.startswith(b"POST /v1/chat/completions?key=hunter2 ")
    assert b"hunter2" not in result.stderr


def test_what_came_of_a_cut_answer_is_in_the_json(tmp_path: Path) -> None:
    with serve(lambda exchange: exchange.stream(*SPOKEN[:3])) as server:
        result = audiocli("ask", "hi", "-o", "x.wav", "--json", "--base-url", server.url, cwd=tmp_path)
    error = json.loads(result.stderr)["error"]
    assert (error["transcript"], error["kept"]) == ("Yes, it is.", "x.partial.wav")
    assert (result.returncode, result.stdout) == (7, b"")


def test_completion_offers_models_and_voices_and_says_nothing_else() -> None:
    def completed(line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
        result = audiocli(env=environment(_AUDIOCLI_COMPLETE="complete_bash", **words))
        assert (result.returncode, result.stderr) == (0, b"")
        return result.stdout.decode().split()

    assert "openai/gpt-audio-1.5" in completed("audiocli ask -m openai/gpt-a")
    assert completed("audiocli ask -m gpt-audio-1.5 --voice cor") == ["coral"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["ask", "--vioce", "x"], "unknown option --vioce; did you mean --voice?"),
        (["ask", "-x"], "see audiocli ask --help"),
        (["ask", "hi", "--no-stram"], "did you mean --no-stream?"),
        (["aks", "hi"], "unknown command 'aks'; did you mean ask?"),
        (["trans", "a.wav"], "did you mean transcribe?"),
        (["is it a dog?"], "write audiocli ask in front of it"),
        (["--verison"], "did you mean --version?"),
        (["transcribe", "--spekers"], "did you mean --speakers?"),
        (["serve", "--prot", "1"], "did you mean --port?"),
        (["caps", "--color", "allways"], "unknown --color 'allways'; did you mean always?"),
        (["--install-completion", "zhs"], "unknown shell 'zhs'; did you mean zsh?"),
        (["ask", "Is", "it"], "put the question in quotes"),
        (["caps", "--nosuch"], "see audiocli caps --help"),
    ],
)
def test_a_wrong_word_leads_to_the_right_help(arguments: list[str], hint: str) -> None:
    assert error_line(audiocli(*arguments)).endswith(hint)
