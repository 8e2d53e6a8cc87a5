"""What a website can do to a gateway without a key, from a browser on the same machine: nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.command import environment
from tests.gateway import CHAT, Gateway, answer, deployment, gateway
from tests.servers import Exchange, Server, serve

KEY = "sk-master-0123456789"
BODY = json.dumps({"model": "voice", "messages": []})
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    with serve(answer) as server:
        yield server


@pytest.fixture(scope="module")
def gate(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    own = {"allowed_hosts": ["gw.example", "[fd00::1]"]}
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, deployment(upstream.url), audiocli_settings=own) as running:
        yield running


def chat(gate: Gateway, **headers: str) -> httpx.Response:
    """Post a chat as a form or a fetch of plain text would, which browsers send without asking first."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gate.post(CHAT, content=BODY, headers={"content-type": "text/plain", **named})


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "http://localhost.elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": ""},
        {"origin": "http://localhost:3000"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "http://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "what-comes-next"},
        {"sec_fetch_site": "same-origin", "origin": "https://elsewhere.example"},
        {"host": "elsewhere.example"},
        {"host": "elsewhere.example", "origin": "http://elsewhere.example", "sec_fetch_site": "same-origin"},
        {"host": "localhost.elsewhere.example:4000"},
        {"host": "127.0.0.1.elsewhere.example"},
        {"host": "localhost.."},
        {"host": "notlocalhost"},
        {"host": "127.0.0.2"},
        {"host": "0.0.0.0"},
        {"host": "[::]"},
        {"host": "[::2]:4000"},
        {"host": "gw.example.elsewhere.example"},
    ],
    ids=str,
)
def test_a_website_is_refused_on_every_path(gate: Gateway, upstream: Server, headers: dict[str, str]) -> None:
    assert chat(gate, **headers).status_code == 403
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for path in ("/", "/model/info", "/health", "/health/liveness", "/metrics", "/nothing"):
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            refused = httpx.request(method, gate.url + path, headers=named)
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers
            assert "voice" not in refused.text
    assert gate.post("/health/probe", headers=named).status_code == 403
    assert not upstream.exchanges


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin"},
        {"host": "localhost"},
        {"host": "LocalHost.:4000"},
        {"host": "[::1]:4000"},
        {"host": "[0:0:0:0:0:0:0:1]"},
        {"host": "GW.example:8443"},
        {"host": "gw.example", "origin": "https://gw.example", "sec_fetch_site": "same-origin"},
        {"host": "localhost:4000", "origin": "http://localhost:4000"},
        {"host": "[FD00:0::1]:80"},
    ],
    ids=str,
)
def test_programs_of_this_machine_are_served(
    gate: Gateway, upstream: Server, headers: dict[str, str]
) -> None:
    before = len(upstream.exchanges)
    assert chat(gate, **headers).status_code == 200
    assert len(upstream.exchanges) == before + 1


def test_a_request_without_a_host_is_refused(tmp_path: Path) -> None:
    with (
        gateway(tmp_path, deployment("http://127.0.0.1:9")) as gate,
        socket.create_connection(gate.address, timeout=10) as connection,
    ):
        connection.sendall(b"GET /model/info HTTP/1.0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_the_host_that_it_listens_on_is_served(tmp_path: Path) -> None:
    with gateway(tmp_path, deployment("http://127.0.0.1:9"), options=["--host", "127.0.0.2"]) as gate:
        assert gate.get("/v1/models").status_code == 200
        assert gate.get("/v1/models", host="127.0.0.3").status_code == 403


def test_with_a_key_every_host_is_served_and_a_page_needs_the_key(tmp_path: Path) -> None:
    foreign = {"host": "any.example", "origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
    with gateway(tmp_path, deployment("http://127.0.0.1:9"), general_settings={"master_key": KEY}) as gate:
        assert gate.get("/v1/models", **foreign).status_code == 401
        assert gate.get("/v1/models", **foreign, authorization=f"Bearer {KEY}").status_code == 200
        assert gate.get("/health/liveness", **foreign).status_code == 200


PAGE = """<!doctype html><title>a website</title><body><script>
const gate = "GATE", chat = JSON.stringify({model: "voice", messages: []});
const quiet = promise => promise.catch(() => 0);
const image = path => new Promise(done => {
  const one = new Image(); one.onload = one.onerror = done; one.src = gate + path; });
const form = (path, type) => new Promise(done => {
  const frame = document.createElement("iframe"), one = document.createElement("form");
  frame.name = "f" + Math.random(); frame.onload = () => frame.posted ? done() : 0;
  document.body.append(frame, one);
  Object.assign(one, {action: gate + path, method: "post", enctype: type, target: frame.name});
  const field = document.createElement("textarea"); field.name = chat.slice(0, -1) + ',"x":"';
  field.value = '"}'; one.append(field); frame.posted = true; one.submit(); });
Promise.all([
  image("/health?probe=true"), image("/health/probe"), image("/model/info"),
  quiet(fetch(gate + "/health/probe", {method: "POST", mode: "no-cors"})),
  quiet(fetch(gate + "/v1/chat/completions", {method: "POST", mode: "no-cors", body: chat})),
  quiet(fetch(gate + "/v1/chat/completions", {method: "POST", body: chat,
    headers: {"content-type": "application/json"}})),
  quiet(fetch(gate + "/model/info")),
  form("/v1/chat/completions", "text/plain"), form("/health/probe", "multipart/form-data"),
]).then(() => fetch("/done")).finally(() => document.title = "done");
</script>"""
ASKED = 9


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("site", ["127.0.0.1", "localhost", "website.example"])
def test_nothing_that_a_page_in_a_browser_sends_goes_on(tmp_path: Path, site: str) -> None:
    """It is on another port, on another name of this machine, and on another site."""
    done = threading.Event()

    def website(exchange: Exchange) -> None:
        if b" /done" in exchange.head:
            done.set()
        exchange.reply(PAGE.replace("GATE", own.url).encode(), media_type="text/html", Connection="close")

    with (
        serve(answer) as upstream,
        serve(website) as pages,
        gateway(tmp_path, deployment(upstream.url)) as own,
    ):
        with browsing(tmp_path, f"http://{site}:{pages.port}/"):
            assert done.wait(60), "the page has not finished"
        entries = own.entries(ASKED)
    assert len(entries) >= ASKED
    assert {each["status"] for each in entries} == {403}
    assert not upstream.exchanges


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_sees_the_front_page_by_its_own_name_only(tmp_path: Path) -> None:
    with gateway(tmp_path, deployment("http://127.0.0.1:9")) as gate:
        port = gate.url.rpartition(":")[2]
        assert "<code>voice</code>" in dump(tmp_path, gate.url)
        assert "voice" not in dump(tmp_path, f"http://website.example:{port}/")


def command(folder: Path, *arguments: str) -> list[str]:
    assert CHROMIUM is not None
    own = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    rules = "--host-resolver-rules=MAP website.example 127.0.0.1"
    return [CHROMIUM, *own, rules, f"--user-data-dir={folder / 'profile'}", *arguments]


@contextmanager
def browsing(folder: Path, url: str) -> Iterator[None]:
    """A browser with this page open."""
    process = subprocess.Popen(
        command(folder, url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def dump(folder: Path, url: str) -> str:
    result = subprocess.run(
        command(folder, "--dump-dom", url), capture_output=True, timeout=60, env=environment()
    )
    return result.stdout.decode()
