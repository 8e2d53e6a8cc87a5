"""Servers that speak TLS badly are told apart, nothing is sent to them, and they are not asked again."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.gateway import UPSTREAM_KEY, Gateway, answer, deployment, gateway
from tests.servers import serve

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certificate(
    authority: trustme.CA, host: str = "127.0.0.1", expires: datetime | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host, not_after=expires).configure_cert(context)
    return context


@contextmanager
def trusting(authority: trustme.CA, folder: Path, url: str) -> Iterator[Gateway]:
    """A gateway that trusts `authority`, with one deployment, which would be tried again."""
    trusted = folder / "trusted.pem"
    authority.cert_pem.write_to_path(str(trusted))
    row, routing = deployment(url, timeout=2), {"num_retries": 1}
    with gateway(folder, row, variables={"SSL_CERT_FILE": str(trusted)}, router_settings=routing) as own:
        yield own


def test_a_server_that_is_trusted_is_asked(authority: trustme.CA, tmp_path: Path) -> None:
    with (
        serve(answer, certificate=certificate(authority)) as server,
        trusting(authority, tmp_path, server.url) as own,
    ):
        assert own.ask().status_code == 200


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("another host", "is for another host"),
        ("untrusted", "is not trusted"),
        ("expired", "has expired"),
    ],
)
def test_a_bad_certificate_is_told_and_not_tried_again(
    authority: trustme.CA, tmp_path: Path, fault: str, told: str
) -> None:
    context = {
        "another host": lambda: certificate(authority, "secret.example"),
        "untrusted": lambda: certificate(trustme.CA()),
        "expired": lambda: certificate(authority, expires=YESTERDAY),
    }[fault]()
    with (
        serve(answer, certificate=context) as server,
        trusting(authority, tmp_path, server.url) as own,
    ):
        error = failure(own, 502)

    assert error["code"] == "upstream_tls_error"
    assert told in error["message"]
    assert (server.connections, server.exchanges) == (1, [])


def test_a_server_without_tls_is_told(authority: trustme.CA, tmp_path: Path) -> None:
    with in_plain() as url, trusting(authority, tmp_path, url) as own:
        error = failure(own, 502)

    assert error["code"] == "upstream_tls_error"
    assert "does not speak TLS" in error["message"]


def test_a_server_that_says_nothing_has_the_deadline_of_its_try(
    authority: trustme.CA, tmp_path: Path
) -> None:
    with silent() as url, trusting(authority, tmp_path, url) as own:
        error = failure(own, 504)

    assert error["code"] == "upstream_timeout"


def failure(own: Gateway, status: int) -> dict[str, str]:
    """What a client is told, which is nothing of where the server is, nor of its key."""
    response = own.ask()
    assert response.status_code == status
    assert not any(text in response.text for text in ("127.0.0.1", "secret", UPSTREAM_KEY, "_ssl.c"))
    assert UPSTREAM_KEY not in own.log.read_text()
    error: dict[str, str] = response.json()["error"]
    assert own.entry["error"] in (error["code"], "DeadlineError")
    return error


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that accepts connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def in_plain() -> Iterator[str]:
    """The address of a server that takes what TLS begins with for a bad request."""

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=[listener])
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(timeout=10)
