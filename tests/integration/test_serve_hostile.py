"""What clients send that no client should, byte by byte, to the gateway's process on loopback."""

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bare_gateway import BareGateway, bare_gateway, eventually, listen

GET = b"GET /seen HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /seen HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BEHIND = b"GET /behind HTTP/1.1\r\nHost: x\r\n\r\n"

BAD_LENGTHS: dict[str, bytes] = {
    "both": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, the other way": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /seen HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked after a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked on a folded line": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
    "list of lengths": POST + b"Content-Length: 2, 2\r\n\r\nhi",
    "signed": POST + b"Content-Length: +2\r\n\r\nhi",
    "negative": POST + b"Content-Length: -2\r\n\r\nhi",
    "hexadecimal": POST + b"Content-Length: 0x2\r\n\r\nhi",
    "too large": POST + b"Content-Length: 99999999999999999999999\r\n\r\nhi",
    "empty": POST + b"Content-Length: \r\n\r\n",
    "parted": POST + b"Content-Length: 1 1\r\n\r\nhi",
}
BAD_CHUNKS: dict[str, bytes] = {
    "long extension": CHUNKED + b"2;" + b"a" * 100_000 + b"\r\nhi\r\n0\r\n\r\n",
    "long trailer": CHUNKED + b"2\r\nhi\r\n0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "many trailers": CHUNKED + b"2\r\nhi\r\n0\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
    "hexadecimal mark": CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
    "negative": CHUNKED + b"-2\r\nhi\r\n0\r\n\r\n",
    "overflow": CHUNKED + b"fffffffffffffffff\r\nhi\r\n0\r\n\r\n",
    "bare line feed": CHUNKED + b"2\nhi\r\n0\r\n\r\n",
    "longer than it says": CHUNKED + b"2\r\nhiXX0\r\n\r\n",
    "space before": CHUNKED + b" 2\r\nhi\r\n0\r\n\r\n",
    "no size": CHUNKED + b"\r\nhi\r\n0\r\n\r\n",
}
BAD_HEADS: dict[str, bytes] = {
    "folded line": POST + b"X: a\r\n b\r\n\r\n",
    "host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a user": b"GET / HTTP/1.1\r\nHost: u@b\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "target at another host": b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "target at another port": b"GET http://x:81/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "target with a user": b"GET http://x@elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "target with a query and no path": b"GET http://elsewhere?x HTTP/1.1\r\nHost: x\r\n\r\n",
    "two keys": GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/0.9 in words": b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "bare carriage return": GET + b"X: a\rb\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X\0: a\r\n\r\n",
    "NUL in the address": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "space before a colon": GET + b"X : a\r\n\r\n",
    "space before a name": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "no colon": GET + b"X\r\n\r\n",
    "no name": GET + b": y\r\n\r\n",
    "64 kB of one header": GET + b"X: " + b"a" * 65_536 + b"\r\n\r\n",
    "2,000 headers": GET + b"X: a\r\n" * 2000 + b"\r\n",
    "200 kB of address": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "address that is not ASCII": "GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "two spaces": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    "method in small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "expectation": POST + b"Expect: tea\r\nContent-Length: 2\r\n\r\nhi",
}
STATUSES = {400, 405, 408, 414, 417, 431, 501, 505}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareGateway]:
    with bare_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def documents(answer: bytes) -> list[Any]:
    """What each of the answers, whose lengths are told, says."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(json.loads(rest[:length]))
        answer = rest[length:]
    return found


def all_bad() -> dict[str, bytes]:
    groups = {"length": BAD_LENGTHS, "chunk": BAD_CHUNKS, "head": BAD_HEADS}
    return {f"{kind}: {name}": data for kind, group in groups.items() for name, data in group.items()}


@pytest.mark.parametrize("name", all_bad())
def test_what_two_servers_may_read_in_two_ways_is_refused_and_nothing_behind_it_is_done(
    gateway: BareGateway, name: str
) -> None:
    answer = gateway.say(all_bad()[name] + BEHIND)
    (status,) = statuses(answer)
    assert status in STATUSES
    (document,) = documents(answer)
    assert document["error"]["type"] == "invalid_request_error"
    assert document["error"]["message"]
    assert "/behind" not in gateway.paths()


def test_requests_one_behind_the_other_are_answered_in_order(gateway: BareGateway) -> None:
    requests = [
        b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
        b"POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhi\r\n1;a=b\r\n!\r\n0\r\nX: y\r\n\r\n",
        b"GET /wait?0.2 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ]
    told = documents(gateway.say(b"".join(requests)))
    assert [each["path"] for each in told] == ["/1", "/2", "/3", "/wait", "/4"]
    assert [each["size"] for each in told] == [0, 2, 3, 0, 0]


def test_a_thousand_requests_at_once_are_answered_one_after_the_other(gateway: BareGateway) -> None:
    answer = gateway.say(b"GET /many HTTP/1.1\r\nHost: x\r\n\r\n" * 1000 + b"GET /last HTTP/1.0\r\n\r\n", 30)
    assert [each["path"] for each in documents(answer)] == ["/many"] * 1000 + ["/last"]


def test_a_request_before_a_malformed_one_has_its_answer(gateway: BareGateway) -> None:
    answer = gateway.say(b"GET /good HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"X : a\r\n\r\n" + BEHIND)
    assert statuses(answer) == [200, 400]
    assert documents(answer)[0]["path"] == "/good"


def test_requests_that_arrive_byte_by_byte_are_understood(gateway: BareGateway) -> None:
    body = b"POST /slowly HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    with gateway.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in body + b"GET /then HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert [each["path"] for each in documents(listen(connection))] == ["/slowly", "/then"]


@pytest.mark.parametrize(
    ("head", "path", "method"),
    [
        (
            b"GET http://X:80/absolute HTTP/1.1\r\nHost: x:80\r\nConnection: close\r\n\r\n",
            "/absolute",
            "GET",
        ),
        (b"GET /%2e%2e/etc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/../etc", "GET"),
        (b"TRACE /trace HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/trace", "TRACE"),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "*", "OPTIONS"),
        (b"GET /old HTTP/1.0\r\n\r\n", "/old", "GET"),
        (b"\r\n\r\nGET /lines HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/lines", "GET"),
    ],
)
def test_unusual_forms_that_are_clear_reach_the_application(
    gateway: BareGateway, head: bytes, path: str, method: str
) -> None:
    (told,) = documents(gateway.say(head))
    assert (told["path"], told["method"]) == (path, method)


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
HI = {
    "nothing": b"\r\n",
    "a length": b"Content-Length: 2\r\n\r\nhi",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;a=b\r\ni\r\n0\r\nX: y\r\n\r\n",
}


@pytest.mark.parametrize("pieces", ["whole", "bytes"])
@pytest.mark.parametrize("body", HI)
def test_an_upgrade_to_http2_is_ignored_and_its_body_read(
    gateway: BareGateway, body: str, pieces: str
) -> None:
    """Java's own client asks for it with every first request, as does curl --http2."""
    request = POST.replace(b"/seen", b"/upgraded") + H2C + HI[body]
    following = b"GET /following HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with gateway.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = request + request + following
        for piece in [data] if pieces == "whole" else [bytes([byte]) for byte in data]:
            connection.sendall(piece)
        told = documents(listen(connection))
    assert [each["path"] for each in told] == ["/upgraded", "/upgraded", "/following"]
    assert [each["size"] for each in told[:2]] == [0 if body == "nothing" else 2] * 2


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_one_who_asks_for_an_upgrade_may_ask_for_the_end_as_well(
    gateway: BareGateway, version: bytes
) -> None:
    upgrade = H2C.replace(b"Upgrade,", b"close, Upgrade,")
    answer = gateway.say(POST.replace(b"HTTP/1.1", version) + upgrade + HI["a length"] + BEHIND)
    assert [each["size"] for each in documents(answer)] == [2]
    assert "/behind" not in gateway.paths()


def test_100_is_said_to_one_who_asks_for_an_upgrade(gateway: BareGateway) -> None:
    with gateway.connect() as connection:
        connection.sendall(POST + H2C + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert statuses(connection.recv(1000)) == [100]
        connection.sendall(b"hi" + GET + b"Connection: close\r\n\r\n")
        assert [each["size"] for each in documents(listen(connection))] == [2, 0]


@pytest.mark.parametrize("name", BAD_LENGTHS)
def test_an_upgrade_makes_no_length_clearer(gateway: BareGateway, name: str) -> None:
    line, _, rest = BAD_LENGTHS[name].partition(b"\r\n")
    assert statuses(gateway.say(line + b"\r\n" + H2C + rest + BEHIND)) == [400]
    assert "/behind" not in gateway.paths()


@pytest.mark.parametrize("body", HI)
@pytest.mark.parametrize("upgrade", [WEBSOCKET, WEBSOCKET.replace(b"websocket", b"h2c, websocket")])
def test_another_upgrade_is_answered_without_one_and_nothing_behind_it_is_done(
    gateway: BareGateway, upgrade: bytes, body: str
) -> None:
    """A balancer may take what comes behind one for something other than requests, which it would check."""
    answer = gateway.say(POST.replace(b"/seen", b"/upgrade") + upgrade + HI[body] + BEHIND)
    (told,) = documents(answer)
    assert (told["path"], told["size"]) == ("/upgrade", 0 if body == "nothing" else 2)
    assert b"connection: close" in answer
    assert "/behind" not in gateway.paths()


def test_an_answer_that_comes_before_the_body_is_heard_and_no_100_is_said(gateway: BareGateway) -> None:
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n"
    assert statuses(gateway.say(head)) == [200]
    answer = gateway.say(
        b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n" + bytes(20_000_000)
    )
    assert statuses(answer) == [200]
    assert documents(answer)[0]["size"] == 0


def test_100_is_said_once_the_body_is_wanted(gateway: BareGateway) -> None:
    head = b"POST /wanted HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
    head += b"Connection: close\r\n\r\n"
    with gateway.connect() as connection:
        connection.sendall(head)
        assert statuses(connection.recv(1000)) == [100]
        connection.sendall(b"hi")
        assert documents(listen(connection))[0]["size"] == 2


def test_what_the_application_did_not_expect_is_500_in_openais_shape(gateway: BareGateway) -> None:
    answer = gateway.say(b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(answer) == [500]
    assert documents(answer)[0]["error"]["message"] == "internal error of the gateway"
    notes = gateway.notes.read_text()
    assert "internal error: ValueError: the application has failed" in notes
    assert "Traceback" not in notes


SHORT = {
    "header_timeout": 1,
    "body_timeout": 1,
    "body_timeout_per_mb": 0,
    "keep_alive_timeout": 2,
    "send_timeout": 1,
    "max_connections": 40,
}


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareGateway]:
    with bare_gateway(tmp_path_factory.mktemp("impatient"), audiocli_settings=SHORT) as running:
        yield running


DRIPS = {
    "a header": (b"GET /dripped HTTP/1.1\r\nHost: x\r\nX: ", b"a"),
    "empty lines": (b"", b"\r\n"),
    "a body": (b"POST /dripped HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", b"a"),
    "chunks": (b"POST /dripped HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "an extension": (b"POST /dripped HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "empty lines between requests": (b"GET /done HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),
}


@pytest.mark.parametrize("name", DRIPS)
def test_clients_that_drip_are_closed_while_others_are_answered(impatient: BareGateway, name: str) -> None:
    beginning, drop = DRIPS[name]
    clients = [impatient.connect() for _ in range(10)]
    for client in clients:
        client.sendall(beginning)
        client.setblocking(False)
    deadline = time.monotonic() + 8
    open_ones = list(clients)
    while open_ones:
        assert time.monotonic() < deadline, f"{len(open_ones)} are still open"
        open_ones = [client for client in open_ones if _drips(client, drop)]
        assert impatient.ask("/other")["path"] == "/other"
        time.sleep(0.1)
    for client in clients:
        client.close()


def _drips(client: socket.socket, drop: bytes) -> bool:
    """Send a drop; whether the other side is still there."""
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        pass
    except OSError:
        return False
    else:
        return False
    try:
        client.sendall(drop)
    except OSError:
        return False
    return True


def test_a_silent_client_is_closed(impatient: BareGateway) -> None:
    with impatient.connect() as connection:
        assert listen(connection) == b""


def test_a_late_body_is_408(impatient: BareGateway) -> None:
    answer = impatient.say(b"POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhi")
    assert statuses(answer) == [408]


def test_a_client_that_does_not_read_is_closed(impatient: BareGateway) -> None:
    with impatient.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(4)
        with pytest.raises(ConnectionResetError):
            _read_on(connection)


def _read_on(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_the_head_of_an_answer_and_its_body_come_together(impatient: BareGateway) -> None:
    with impatient.connect() as connection:
        for _ in range(20):
            connection.sendall(GET + b"\r\n")
            assert connection.recv(65536).endswith(b"}")


def test_few_file_descriptors_are_survived(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    with bare_gateway(tmp_path) as gateway:
        if not hasattr(resource, "prlimit"):
            pytest.skip("prlimit is Linux's")
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        clients = [gateway.connect() for _ in range(150)]
        for client in clients:
            client.close()
        eventually(
            lambda: b" 200 " in gateway.say(GET + b"Connection: close\r\n\r\n"), "it has not recovered"
        )
        assert gateway.process.poll() is None
        assert "Traceback" not in gateway.notes.read_text()
        assert len(os.listdir(f"/proc/{gateway.process.pid}/fd")) < 64
