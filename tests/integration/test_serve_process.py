"""The gateway as a process: it starts or says why not, takes up changes, and ends as it is told."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command import audiocli, environment, error_line
from tests.gateway import CHAT, COMPLETION, MODEL, Gateway, answer, chunk, deployment, serving, write
from tests.servers import Exchange, Server, serve

EVERYWHERE = "0.0.0.0"
NOWHERE = "http://127.0.0.1:9"
CHANGED, KEPT = "config reloaded", "config not reloaded"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(answer) as started:
        yield started


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


# Start


def test_it_says_where_it_listens_in_json(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    write(config, deployment(NOWHERE))
    command = [sys.executable, "-m", "audiocli", "serve", "--config", str(config), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["schema"] == 1
        assert line["pid"] == process.pid
        assert httpx.get(line["url"] + "/health/readiness").status_code == 200
        process.terminate()
        assert process.stdout.read() == b""


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (["--host", EVERYWHERE], {}, "0.0.0.0 is open to other machines, and there is no master key"),
        (["--host", EVERYWHERE], {"AUDIOCLI_MASTER_KEY": "short"}, "has fewer than 8 characters"),
        (["--host", "host.invalid"], {}, "'host.invalid' is no address of this machine"),
        (["--config", "nowhere.yaml"], {}, "the config 'nowhere.yaml' cannot be read"),
        ([], {"AUDIOCLI_MASTER_KEY": ""}, "the master key is not a key"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], told: str
) -> None:
    config = tmp_path / "c.yaml"
    write(config, deployment(NOWHERE))
    named = [] if "--config" in arguments else ["--config", str(config)]
    result = audiocli("serve", "--port", "0", *named, *arguments, env=environment(**variables))
    assert result.returncode == 2
    assert told in error_line(result)
    assert len(result.stderr.splitlines()) == 1


def test_a_port_that_is_in_use_is_named(tmp_path: Path) -> None:
    write(tmp_path / "c.yaml", deployment(NOWHERE))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = audiocli("serve", "--config", str(tmp_path / "c.yaml"), "--port", str(port))
    assert result.returncode == 2
    assert f"port {port} is in use" in error_line(result)


def test_a_config_can_be_checked_without_serving_it(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    write(config, deployment(NOWHERE, tags=["a"]), general_settings={"master_key": "sk-hidden-0123456789"})
    checked = audiocli("serve", "--config", str(config), "--check")
    assert checked.returncode == 0
    assert checked.stdout.startswith(f"voice: openai/{MODEL}, {NOWHERE}/chat/completions".encode())
    assert b"tags is ignored" in checked.stderr

    as_json = audiocli("serve", "--config", str(config), "--check", "--json")
    document = json.loads(as_json.stdout)
    assert document["ok"] is True
    assert any("tags" in note for note in document["notes"])

    shown = audiocli("serve", "--config", str(config), "--print-config")
    assert b"model_name: voice" in shown.stdout
    assert b"sk-" not in shown.stdout + shown.stderr

    config.write_text("model_list: [1]")
    broken = audiocli("serve", "--config", str(config), "--check")
    assert broken.returncode == 2
    assert "line 1: a row is not a mapping" in error_line(broken)


# Changes


def statuses(gate: Gateway, *names: str) -> list[int]:
    return [gate.ask(name).status_code for name in names]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(
    tmp_path: Path, server: Server, workers: str
) -> None:
    config = tmp_path / "c.yaml"
    write(config, deployment(server.url, "one"))
    with serving(tmp_path, "--config", str(config), "--workers", workers) as gate:
        assert statuses(gate, "one", "two") == [200, 404]
        write(config, deployment(server.url, "two"))
        gate.wait_for_note(CHANGED)
        eventually(lambda: statuses(gate, *["two"] * 4) == [200] * 4, "some worker has the old settings")

        config.write_text("model_list: [")
        assert "is not valid YAML" in gate.wait_for_note(KEPT)
        config.unlink()
        assert "cannot be read" in gate.wait_for_note("cannot be read")
        assert statuses(gate, "two") == [200]


def test_a_file_that_is_reached_by_links_is_watched(tmp_path: Path, server: Server) -> None:
    """As Kubernetes has it: config.yaml leads to ..data/config.yaml, and ..data is replaced."""
    for name in ("one", "two"):
        (tmp_path / f"..{name}").mkdir()
        write(tmp_path / f"..{name}" / "config.yaml", deployment(server.url, name))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    with serving(tmp_path, "--config", str(tmp_path / "config.yaml")) as gate:
        assert statuses(gate, "one", "two") == [200, 404]
        (tmp_path / "..data_tmp").symlink_to("..two")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        gate.wait_for_note(CHANGED)
        assert statuses(gate, "one", "two") == [404, 200]


def test_a_file_that_is_cut_while_it_is_written_opens_nothing(tmp_path: Path, server: Server) -> None:
    config = tmp_path / "c.yaml"
    key = {"master_key": "sk-master-0123456789abcdef"}
    write(config, deployment(server.url, "one"), general_settings=key)
    whole = json.dumps({"general_settings": key, "model_list": [deployment(server.url, "two")]}, indent=1)
    with serving(tmp_path, "--config", str(config)) as gate:
        assert statuses(gate, "one") == [401]
        for part in (f"model_list:\n- {json.dumps(deployment(server.url, 'two'))}\n", whole[:60], ""):
            config.write_text(part)
            os.kill(gate.process.pid, signal.SIGHUP)
            gate.wait_for_note(KEPT)
            (tmp_path / "log").write_text("")
            assert statuses(gate, "one", "two") == [401, 401]
        config.write_text(whole)
        gate.wait_for_note(CHANGED)
        answered = gate.post(CHAT, json={"model": "two"}, headers={"api-key": key["master_key"]})
        assert answered.status_code == 200


def test_a_key_that_is_rotated_in_its_file_is_noticed(tmp_path: Path) -> None:
    config, keys = tmp_path / "c.yaml", tmp_path / "key"
    keys.write_text("sk-first-0123456789abcdef\n")

    def script(exchange: Exchange) -> None:
        answer(exchange, {**COMPLETION, "model": exchange.headers["authorization"]})

    with serve(script) as server:
        row = deployment(server.url, "one", api_key_file=str(keys))
        del row["litellm_params"]["api_key"]
        write(config, row)
        with serving(tmp_path, "--config", str(config)) as gate:
            assert gate.ask("one").json()["model"] == "Bearer sk-first-0123456789abcdef"
            (tmp_path / "next").write_text("sk-second-0123456789abcdef\n")
            (tmp_path / "next").rename(keys)
            gate.wait_for_note(CHANGED)
            assert gate.ask("one").json()["model"] == "Bearer sk-second-0123456789abcdef"


def test_an_included_file_is_watched(tmp_path: Path, server: Server) -> None:
    models, config = tmp_path / "models.yaml", tmp_path / "c.yaml"
    write(models, deployment(server.url, "one"))
    config.write_text("include: [models.yaml]\n")
    with serving(tmp_path, "--config", str(config)) as gate:
        write(models, deployment(server.url, "two"))
        gate.wait_for_note(CHANGED)
        assert statuses(gate, "one", "two") == [404, 200]


def test_a_running_request_ends_by_the_settings_that_it_began_with(tmp_path: Path) -> None:
    released = threading.Event()

    def slow(exchange: Exchange) -> None:
        exchange.stream(chunk({"content": "be"}))
        released.wait(20)
        exchange.send(chunk({"content": "gun"}) + b"data: [DONE]\n\n")

    config = tmp_path / "c.yaml"
    with serve(slow) as server:
        write(config, deployment(server.url, "old"))
        with serving(tmp_path, "--config", str(config)) as gate:
            body = {"model": "old", "stream": True, "messages": []}
            with httpx.stream("POST", gate.url + CHAT, json=body, timeout=30) as response:
                blocks = response.iter_bytes()
                next(blocks)
                write(config, deployment(NOWHERE, "new"))
                os.kill(gate.process.pid, signal.SIGHUP)
                gate.wait_for_note(CHANGED)
                assert statuses(gate, "old") == [404]
                released.set()
                assert b"gun" in b"".join(blocks)


# End


@contextmanager
def busy(tmp_path: Path, seconds: float, *arguments: str) -> Iterator[tuple[Gateway, list[Any]]]:
    """A gateway that is asked for an answer which takes so long, and what comes of it."""
    asked = threading.Event()

    def slow(exchange: Exchange) -> None:
        asked.set()
        time.sleep(seconds)
        answer(exchange)

    config = tmp_path / "c.yaml"
    with serve(slow) as server:
        write(config, deployment(server.url))
        with serving(tmp_path, "--config", str(config), *arguments) as gate:
            answers: list[Any] = []
            client = threading.Thread(target=_ask, args=(gate, answers))
            client.start()
            assert asked.wait(20)
            yield gate, answers
            client.join()


def _ask(gate: Gateway, answers: list[Any]) -> None:
    try:
        answers.append(gate.ask().status_code)
    except httpx.HTTPError as error:
        answers.append(error)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_runs_is_finished_and_nothing_else_is_begun(tmp_path: Path, workers: str) -> None:
    with busy(tmp_path, 1.5, "--workers", workers) as (gate, answers):
        gate.process.terminate()
        eventually(lambda: not _accepts(gate), "it still accepts connections")
        assert gate.process.wait(20) == 0
    assert answers == [200]


def _accepts(gate: Gateway) -> bool:
    try:
        socket.create_connection(gate.address, timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_what_runs_for_too_long_is_ended(tmp_path: Path) -> None:
    with busy(tmp_path, 15, "--grace", "0.5") as (gate, answers):
        gate.process.terminate()
        assert gate.process.wait(10) == 0
        eventually(lambda: bool(answers), "the client has no answer")
    assert answers == [503]


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with busy(tmp_path, 15) as (gate, answers):
        gate.process.terminate()
        eventually(lambda: not _accepts(gate), "it still accepts connections")
        gate.process.terminate()
        assert gate.process.wait(5) == -signal.SIGTERM
    assert isinstance(answers[0], httpx.HTTPError)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_an_idle_one_ends_at_once(tmp_path: Path, number: int, code: int) -> None:
    write(tmp_path / "c.yaml", deployment(NOWHERE))
    with serving(tmp_path, "--config", str(tmp_path / "c.yaml")) as gate:
        gate.get("/health/liveness")
        gate.process.send_signal(number)
        assert gate.process.wait(10) == code


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_that_comes_as_soon_as_it_is_ready_ends_it_cleanly(
    tmp_path: Path, workers: str, number: int, code: int
) -> None:
    write(tmp_path / "c.yaml", deployment(NOWHERE))
    with serving(tmp_path, "--config", str(tmp_path / "c.yaml"), "--workers", workers) as gate:
        gate.process.send_signal(number)
        assert gate.process.wait(10) == code


# Workers


def workers_of(gate: Gateway) -> set[int]:
    children = Path(f"/proc/{gate.process.pid}/task/{gate.process.pid}/children").read_text()
    return {int(process) for process in children.split()}


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_a_worker_that_is_killed_is_replaced_and_none_stays_without_its_parent(
    tmp_path: Path, server: Server
) -> None:
    config = tmp_path / "c.yaml"
    write(config, deployment(server.url))
    with serving(tmp_path, "--config", str(config), "--workers", "2") as gate:
        eventually(lambda: len(workers_of(gate)) == 2, "there are not two workers")
        killed = min(workers_of(gate))
        os.kill(killed, signal.SIGKILL)
        assert f"worker {killed} has ended" in gate.wait_for_note("has ended")
        eventually(lambda: len(workers_of(gate) - {killed}) == 2, "it has not been replaced")
        assert statuses(gate, *["voice"] * 6) == [200] * 6

        left = workers_of(gate)
        gate.process.kill()
        gate.process.wait()
        eventually(lambda: not any(map(is_running, left)), "a worker has stayed")
