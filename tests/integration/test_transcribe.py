"""`audiocli transcribe` against a service that writes down what is said: what is sent, shown and written."""

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from audiocli.audio.containers.wav import STREAMED, read_wav, wav_header
from tests.command import KEY, audiocli, environment, error_line
from tests.heard import SAID, SPEECH, says, sent, wav
from tests.servers import Server, serve
from tests.spoken import names
from tests.unit.audio.files import chunk, fmt, riff

MODEL = ("-m", "whisper-1")


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """A folder with three recordings of different content, two of them further down, and a text."""
    for number, name in enumerate(("a.wav", "2024/b.wav", "2024/c.wav")):
        path = tmp_path / "talks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(1 + number))
    (tmp_path / "talks" / "notes.txt").write_text("notes")
    return tmp_path


def here(folder: Path) -> dict[str, str]:
    """An environment whose journal is in `folder`."""
    return environment(XDG_STATE_HOME=str(folder / "state"))


def transcribe(
    server: Server, folder: Path, *arguments: str, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return audiocli(
        *("transcribe", *arguments, *MODEL, "--base-url", server.url),
        env=here(folder),
        cwd=folder,
        stdin=stdin,
    )


def test_the_text_of_one_recording_goes_to_stdout(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{SAID}\n".encode(), b"")
    form = sent(server.exchanges[0])
    assert form.fields["model"] == ["whisper-1"]
    assert server.exchanges[0].head.startswith(b"POST /audio/transcriptions ")


def test_options_become_fields_of_the_form(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(
            server, tmp_path, str(SPEECH), "-l", "en", "--prompt", "Names: Zoë", "--words", "-f", "json"
        )
    assert result.returncode == 0, result.stderr
    fields = sent(server.exchanges[0]).fields
    assert (fields["language"], fields["prompt"]) == (["en"], ["Names: Zoë"])
    assert "word" in fields["timestamp_granularities[]"]


def test_the_key_goes_into_its_header_and_nowhere_else(tmp_path: Path) -> None:
    with serve(says()) as server:
        env = {**here(tmp_path), "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}
        result = audiocli("transcribe", str(SPEECH), *MODEL, "-vv", "--json", env=env, cwd=tmp_path)
    assert server.exchanges[0].headers["authorization"] == f"Bearer {KEY}"
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in result.stdout + result.stderr + server.exchanges[0].body + kept


@pytest.mark.parametrize(
    ("arguments", "name", "start"),
    [
        (["-o", "talk.srt"], "talk.srt", "1\n00:00:00,000 --> 00:00:0"),
        (["-o", "talk.vtt"], "talk.vtt", "WEBVTT\n"),
        (["-o", "talk.tsv"], "talk.tsv", "start\tend\t"),
        (["-o", "talk.json"], "talk.json", "{"),
        (["-o", "talk.txt"], "talk.txt", SAID),
        (["-o", "talk", "-f", "vtt"], "talk", "WEBVTT\n"),
        (["-o", "subs/", "-f", "srt"], "hello.srt", "1\n"),
    ],
)
def test_a_file_is_written_in_the_form_of_its_name(
    tmp_path: Path, arguments: list[str], name: str, start: str
) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH), *arguments)
    assert (result.returncode, result.stdout) == (0, b""), result.stderr
    (written,) = tmp_path.rglob(name)
    assert written.read_text(encoding="utf-8").startswith(start)
    assert error_line(result).startswith(f"audiocli: {SPEECH}: ")


def test_a_format_can_go_to_stdout(tmp_path: Path) -> None:
    with serve(says("Zoë says « hello ».")) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "-f", "srt", "-o", "-")
    assert "Zoë says « hello »." in result.stdout.decode()
    assert "-->" in result.stdout.decode()


def test_each_of_several_gets_a_file_beside_it(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, talks, "-r", "talks", "-f", "srt")
    assert (result.returncode, result.stdout) == (0, b""), result.stderr
    assert names(talks / "talks") == ["2024", "a.srt", "a.wav", "notes.txt"]
    assert names(talks / "talks" / "2024") == ["b.srt", "b.wav", "c.srt", "c.wav"]
    assert error_line(result).startswith("audiocli: 3 done")


def test_a_folder_gets_them_with_the_tree_kept(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, talks, "-r", "talks", "-f", "vtt", "-o", "subs")
    assert result.returncode == 0, result.stderr
    assert sorted(str(path.relative_to(talks)) for path in talks.rglob("*.vtt")) == [
        "subs/2024/b.vtt",
        "subs/2024/c.vtt",
        "subs/a.vtt",
    ]


def test_there_is_a_line_for_each_and_a_table(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, talks, "talks/2024/*.wav", "talks/a.wav", "missing.wav", "-j", "1")
    assert result.returncode == 9
    lines = result.stderr.decode().splitlines()
    assert sum(line.startswith("audiocli: talks/") for line in lines) == 3
    header = next(number for number, line in enumerate(lines) if line.startswith("RECORDING"))
    table = lines[header + 1 : -1]
    assert [row.split()[0] for row in table] == [
        "talks/2024/b.wav",
        "talks/2024/c.wav",
        "talks/a.wav",
        "missing.wav",
    ]
    assert "talks/2024/b.txt" in table[0]
    assert "there is no such file" in table[3]
    assert lines[-1].startswith("audiocli: 3 done, 1 failed")
    assert lines[-1].endswith("; --resume tries what failed again")


def test_with_q_only_what_failed_is_told(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, talks, "talks/a.wav", "missing.wav", "-q")
    assert result.returncode == 9
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("audiocli: missing.wav: failed: cannot read 'missing.wav'")


@pytest.mark.parametrize("arguments", [["-"], []])
def test_what_is_piped_in_is_a_recording(tmp_path: Path, arguments: list[str]) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, *arguments, "-q", stdin=SPEECH.read_bytes())
    assert (result.returncode, result.stdout) == (0, f"{SAID}\n".encode()), result.stderr


def test_nothing_on_stdin_is_an_error(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path)
    assert result.returncode == 2
    assert "nothing came on stdin" in error_line(result)
    assert server.exchanges == []


def test_text_on_stdin_is_told_by_its_name(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "-", stdin=b"just words\n")
    assert result.returncode == 2
    assert "'stdin'" in error_line(result)
    assert "text" in error_line(result)
    assert server.exchanges == []


def test_more_than_may_be_taken_from_a_pipe_is_refused(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "-", "--max-input", "1k", stdin=wav(1))
    assert result.returncode == 2
    assert "--max-input" in error_line(result)


def test_an_address_is_fetched_and_named_after_its_path(tmp_path: Path) -> None:
    recording = SPEECH.read_bytes()
    with (
        serve(lambda exchange: exchange.reply(recording, media_type="audio/wav")) as files,
        serve(says()) as server,
    ):
        address = f"{files.url}/talks/hello.wav?token=abc"
        result = transcribe(server, tmp_path, address, address, "-o", "out/", "-f", "srt")
    assert result.returncode == 0, result.stderr
    assert names(tmp_path / "out") == ["hello.srt"]
    assert b"abc" not in result.stderr


def test_json_is_one_document_with_everything(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, talks, "talks/a.wav", "missing.wav", "--json")
    assert result.returncode == 9
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert document["summary"] | {"cost_usd": None} == {
        "done": 1,
        "skipped": 0,
        "failed": 1,
        "cost_usd": None,
    }
    done, failed = document["items"]
    assert (done["input"], done["status"], done["output"], done["words"]) == (
        "talks/a.wav",
        "done",
        "talks/a.txt",
        6,
    )
    assert (failed["status"], failed["error"]["type"], failed["error"]["exit_code"]) == (
        "failed",
        "InputError",
        2,
    )
    assert result.stderr == b""


def test_json_of_one_recording_holds_its_transcript(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "--json", "--words")
    (item,) = json.loads(result.stdout)["items"]
    assert item["transcript"]["text"] == SAID
    assert item["transcript"]["segments"][0]["words"][0]["text"] == "Hello"


def test_jsonl_is_a_line_for_each(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, talks, "-r", "talks", "missing.wav", "--jsonl")
    assert result.returncode == 9
    items = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(item["input"] for item in items) == [
        "missing.wav",
        "talks/2024/b.wav",
        "talks/2024/c.wav",
        "talks/a.wav",
    ]
    assert error_line(result).startswith("audiocli: 3 done, 1 failed")


@pytest.mark.parametrize("flag", ["--json", "--jsonl"])
def test_an_error_is_json_where_the_answer_would_be(tmp_path: Path, flag: str) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "missing.wav", flag)
    assert (result.returncode, result.stdout) == (2, b"")
    assert json.loads(result.stderr.splitlines()[-1])["error"]["type"] == "InputError"


def test_a_dry_run_tells_where_how_long_and_how_dear_and_does_nothing(talks: Path) -> None:
    with serve(says()) as server:
        result = transcribe(
            server, talks, "-r", "talks", "-o", "subs", "-f", "srt", "--start", "0.5", "--dry-run"
        )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["url"] == f"{server.url}/audio/transcriptions"
    assert [(item["input"], item["output"], item["duration_s"]) for item in document["items"]] == [
        ("talks/a.wav", "subs/a.srt", 0.5),
        ("talks/2024/b.wav", "subs/2024/b.srt", 1.5),
        ("talks/2024/c.wav", "subs/2024/c.srt", 2.5),
    ]
    assert document["cost_usd"] == pytest.approx(4.5 / 60 * 0.006)
    assert b"4.5 s of sound: costs about <$0.001" in result.stderr
    assert server.connections == 0
    assert names(talks) == ["talks"]


def test_usage_is_told(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "--usage")
    assert result.stderr.splitlines()[-1].startswith(b"usage: 2.0 s of sound")


def test_only_what_is_between_start_and_end_is_heard(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(wav(60))
    with serve(says()) as server:
        result = transcribe(
            server, tmp_path, "long.wav", "--start", "0:10", "--end", "00:00:13.5", "-f", "json"
        )
    assert result.returncode == 0, result.stderr
    segments = json.loads(result.stdout)["segments"]
    assert segments[0]["start"] == pytest.approx(10, abs=0.1)
    assert segments[-1]["end"] <= 13.6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.wav", "--start", "2", "--end", "1"], "--start 2 is not before --end 1"),
        (["x.wav", "--end", "0"], "--start 0 is not before --end 0"),
        (["x.wav", "--start", "soon"], "'soon' is not a time"),
        (["x.wav", "-f", "docx"], "a transcript cannot be written as 'docx'"),
        (["x.wav", "-o", "talk.mp3"], "a transcript cannot be written as 'mp3'"),
        (["x.wav", "-o", "x.wav", "-f", "srt"], "would replace the recording"),
        (["x.wav", "y.wav", "-o", "all.srt"], "each recording gets a file of its own"),
        (["x.wav", "y.wav", "-o", "-"], "several transcripts do not go to stdout"),
        (["x.wav", "--json", "--jsonl"], "contradict each other"),
        (["x.wav", "--json", "-f", "srt"], "stdout cannot carry both"),
        (["x.wav", "--no-clobber"], "there is no file to write"),
        (["x.wav", "--max-lines", "1"], "--max-lines is for subtitles"),
        (["x.wav", "-f", "srt", "--max-line-length", "3"], "range"),
        (["x.wav", "--overwrite"], "there is no file to write"),
        (["x.wav", "y.wav", "--overwrite", "--no-clobber"], "contradict each other"),
        (["-", "-"], "stdin can be read only once"),
        (["x.wav", "-l", "english!"], "is not a language's code"),
        (["x.wav", "--timeout", "0"], "--timeout must be"),
        ([""], "the name of an input is empty"),
        (["x.wav", "-j", "0"], "range"),
        (["no/*.wav"], "nothing matches"),
    ],
)
def test_a_contradiction_is_told_before_anything_is_sent(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, *arguments)
    assert result.returncode == 2
    assert message in result.stderr.decode().splitlines()[-1]
    assert server.connections == 0


def test_what_the_model_cannot_do_is_refused_unless_forced(tmp_path: Path) -> None:
    with serve(says()) as server:
        arguments = ("transcribe", str(SPEECH), "-m", "gpt-transcribe", "--words", "--base-url", server.url)
        refused = audiocli(*arguments, env=here(tmp_path))
        assert server.connections == 0
        forced = audiocli(*arguments, "--force", env=here(tmp_path))
    assert refused.returncode == 3
    assert "the words" in error_line(refused)
    assert forced.stdout == f"{SAID}\n".encode()


def test_output_that_cannot_be_written_is_found_before_anything_is_sent(talks: Path) -> None:
    (talks / "subs").write_text("a file")
    with serve(says()) as server:
        result = transcribe(server, talks, "talks/a.wav", "-o", "subs/a.srt")
    assert result.returncode == 8
    assert server.connections == 0


def test_a_device_takes_a_transcript(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "-o", "/dev/null", "-f", "srt")
    assert (result.returncode, result.stdout) == (0, b"")


def test_a_model_that_ends_is_mentioned(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH))
    assert b"whisper-1 retires 2027-02-26" in result.stderr


def test_models_are_completed() -> None:
    env = {**environment(), "_AUDIOCLI_COMPLETE": "complete_bash", "COMP_CWORD": "3"}
    result = audiocli(env={**env, "COMP_WORDS": "audiocli transcribe -m whisp"})
    assert "whisper-1" in result.stdout.decode().split()


# A service that says more, and less


def test_words_cannot_drive_a_file_and_are_cleaned(tmp_path: Path) -> None:
    with serve(says("safe \x1b]0;title\x07 end")) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "-f", "srt")
    assert b"\x1b" not in result.stdout
    assert b"\x07" not in result.stdout


def test_an_error_of_the_service_is_that_of_one_recording(tmp_path: Path) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}).encode()
    with serve(lambda exchange: exchange.reply(body, status="401 Unauthorized")) as server:
        result = transcribe(server, tmp_path, str(SPEECH))
    assert result.returncode == 4
    assert "Incorrect API key" in error_line(result)


def test_a_wrong_key_is_tried_once_for_all(talks: Path) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}).encode()
    with serve(lambda exchange: exchange.reply(body, status="401 Unauthorized")) as server:
        result = transcribe(server, talks, "-r", "talks", "-j", "1")
    assert result.returncode == 9
    assert len(server.exchanges) == 1
    assert result.stderr.count(b"it was not begun") == 4  # two lines, two rows


def test_what_exists_is_not_replaced_with_no_clobber(talks: Path) -> None:
    (talks / "talks" / "a.txt").write_text("mine")
    with serve(says()) as server:
        one = transcribe(server, talks, "talks/a.wav", "-o", "talks/a.txt", "--no-clobber")
        assert server.connections == 0
        all_of_them = transcribe(server, talks, "-r", "talks", "--no-clobber")
    assert one.returncode == 8
    assert all_of_them.returncode == 0
    assert error_line(all_of_them).startswith("audiocli: 2 done, 1 skipped")
    assert (talks / "talks" / "a.txt").read_text() == "mine"


def test_subtitles_have_the_lines_that_are_asked_for(tmp_path: Path) -> None:
    with serve(says()) as server:
        result = transcribe(
            server, tmp_path, str(SPEECH), "-f", "srt", "--max-line-length", "16", "--max-lines", "1", "-q"
        )
    assert result.returncode == 0, result.stderr
    blocks = [block.splitlines()[2:] for block in result.stdout.decode().strip().split("\n\n")]
    assert " ".join(line for block in blocks for line in block) == SAID
    assert all(len(block) == 1 and len(block[0]) <= 16 for block in blocks)


def test_a_name_that_is_derived_never_replaces_what_somebody_else_has_written(tmp_path: Path) -> None:
    for number, name in enumerate("ab"):
        (tmp_path / f"{name}.wav").write_bytes(wav(1 + number))
    (tmp_path / "a.txt").write_text("mine")
    inputs = ("a.wav", "b.wav")
    with serve(says()) as server:
        planned = transcribe(server, tmp_path, *inputs, "--dry-run")
        assert "it exists" in json.loads(planned.stdout)["items"][0]["problem"]
        refused = transcribe(server, tmp_path, *inputs, "--jsonl")
        assert len(server.exchanges) == 1
        assert (tmp_path / "a.txt").read_text() == "mine"
        assert (tmp_path / "b.txt").read_text() == f"{SAID}\n"
        again = transcribe(server, tmp_path, *inputs, "--overwrite")
        assert (tmp_path / "a.txt").read_text() == f"{SAID}\n"
        twice = transcribe(server, tmp_path, *inputs)
    assert (refused.returncode, again.returncode, twice.returncode) == (9, 0, 0), again.stderr
    errors = [json.loads(line)["error"] for line in refused.stdout.splitlines()]
    (error,) = [error for error in errors if error]
    assert (error["exit_code"], error["hint"]) == (8, "--overwrite replaces it")
    assert error["message"].startswith("cannot write 'a.txt': ")


def test_a_name_that_the_user_has_chosen_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with serve(says()) as server:
        result = transcribe(server, tmp_path, str(SPEECH), "-o", "mine.txt")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "mine.txt").read_text() == f"{SAID}\n"


def test_a_recording_that_is_there_twice_is_sent_once(tmp_path: Path) -> None:
    shutil.copy(SPEECH, tmp_path / "a.wav")
    shutil.copy(SPEECH, tmp_path / "b.wav")
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "a.wav", "b.wav", "./a.wav")
    assert result.returncode == 0, result.stderr
    assert len(server.exchanges) == 1
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text() == f"{SAID}\n"


def test_names_that_would_be_the_same_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(1))
    (tmp_path / "talk.wave").write_bytes(wav(2))
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "talk.wav", "talk.wave", "-f", "srt")
    assert result.returncode == 0, result.stderr
    assert names(tmp_path) == ["state", "talk.wav", "talk.wav.srt", "talk.wave", "talk.wave.srt"]
    assert b"would have transcripts of the same name" in result.stderr


def read_samples() -> bytes:
    content = SPEECH.read_bytes()
    wave = read_wav(io.BytesIO(content), len(content))
    return content[wave.data_offset :][: wave.data_size]


def damaged(samples: bytes) -> dict[str, bytes]:
    """One recording as programs and accidents leave it: each is sent under another header than its own."""
    form = fmt(rate=16_000)
    sizes = struct.pack("<QQQI", 0, len(samples), len(samples) // 2, 0)
    wave = [chunk(b"bext", bytes(602)), form, chunk(b"data", samples)]
    return {
        "cut-off.wav": riff(*wave)[:-9_001],
        "rf64.wav": riff(
            chunk(b"ds64", sizes), form, chunk(b"data", samples, size=STREAMED), magic=b"RF64", size=STREAMED
        ),
        "no-size.wav": riff(chunk(b"LIST", b"INFO"), form, chunk(b"data", samples, size=0), size=0),
    }


def test_a_recording_under_a_mended_header_arrives_whole(tmp_path: Path) -> None:
    samples = read_samples()
    for name, content in damaged(samples).items():
        (tmp_path / name).write_bytes(content)
        with serve(says()) as server:
            result = transcribe(server, tmp_path, name)
        assert result.returncode == 0, result.stderr
        (exchange,) = server.exchanges
        assert int(exchange.headers["content-length"]) == len(exchange.body)
        file = sent(exchange).file
        assert samples.startswith(file[44:])
        assert file[:44] == wav_header(len(file) - 44, 16_000)
        assert (b"is cut off" in result.stderr) == (name == "cut-off.wav")


def test_a_damaged_file_does_not_end_the_batch(tmp_path: Path) -> None:
    """A box that claims 2^63 bytes, beside a recording that is fine."""
    box = struct.pack(">I4sQ", 1, b"free", 2**63)
    (tmp_path / "bad.mp4").write_bytes(struct.pack(">I4s8s", 16, b"ftyp", b"isom") + box + bytes(80))
    shutil.copy(SPEECH, tmp_path / "good.wav")
    with serve(says()) as server:
        result = transcribe(server, tmp_path, "bad.mp4", "good.wav")
        assert result.returncode != 0
        assert (tmp_path / "good.txt").read_text() == f"{SAID}\n"
        assert b"internal error" not in result.stderr
        assert b"bad.mp4" in result.stderr
        again = transcribe(server, tmp_path, "bad.mp4", "good.wav", "--resume")
    assert b"internal error" not in again.stderr
    assert len(server.exchanges) == 1
