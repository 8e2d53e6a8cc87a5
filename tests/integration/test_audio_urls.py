"""Audio from an address: what is fetched, what is not, and that nothing is asked of the model then."""

import asyncio
import gzip
import ipaddress
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from audiocli.audio.containers.wav import wav_header
from audiocli.errors import AudiocliError, DeadlineError, InputError
from audiocli.http.addresses import check_named, check_redirected
from audiocli.http.client import fetch
from tests.command import KEY, audiocli, environment, error_line
from tests.servers import Exchange, Script, Server, serve

SOUND = bytes(range(240)) * 20
CLIP = wav_header(len(SOUND)) + SOUND
ANSWER = b'{"choices": [{"message": {"content": "A tone."}, "finish_reason": "stop"}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\n"


def clip(exchange: Exchange) -> None:
    exchange.reply(CLIP, media_type="audio/wav")


def redirect(location: str, status: str = "302 Found") -> Script:
    return lambda exchange: exchange.reply(b"", status=status, Location=location)


@contextmanager
def listening(*scripts: Script) -> Iterator[tuple[Server, Server]]:
    """A model's server, and one that has audio."""
    with ExitStack() as stack:
        model = stack.enter_context(serve(lambda exchange: exchange.reply(ANSWER)))
        yield model, stack.enter_context(serve(*scripts))


def ask(model: Server, url: str, *arguments: str) -> "tuple[int, bytes, str]":
    env = environment(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=model.url)
    result = audiocli("ask", "What is it?", "-a", url, *arguments, env=env)
    return result.returncode, result.stdout, error_line(result) if result.returncode else ""


def absolutely_redirect(exchange: Exchange) -> None:
    redirect(f"//{exchange.headers['host']}/b", "307 x")(exchange)


FETCHABLE: dict[str, list[Script]] = {
    "plain": [clip],
    "gzip": [lambda exchange: exchange.reply(gzip.compress(CLIP), Content_Encoding="gzip")],
    "another type": [lambda exchange: exchange.reply(CLIP, media_type="text/html")],
    "no length": [lambda exchange: exchange.send(HEAD + b"\r\n" + CLIP)],
    "redirected": [redirect("/elsewhere.wav"), clip],
    "redirected twice": [redirect("?a=1", "301 x"), absolutely_redirect, clip],
}


@pytest.mark.parametrize("scripts", FETCHABLE.values(), ids=FETCHABLE)
def test_what_an_address_has_is_sent_to_the_model(scripts: list[Script]) -> None:
    with listening(*scripts) as (model, host):
        code, answer, line = ask(model, f"{host.url}/clip.wav")
        assert (code, answer) == (0, b"A tone.\n"), line
        assert all(b"authorization" not in exchange.head.lower() for exchange in host.exchanges)
        assert all(KEY.encode() not in exchange.head for exchange in host.exchanges)
        assert len(model.exchanges) == 1
        assert b'"input_audio"' in model.exchanges[0].body


def flood(exchange: Exchange) -> None:
    exchange.send(HEAD + b"\r\n")
    exchange.flood(b"\0" * 100_000)


def bomb(exchange: Exchange) -> None:
    exchange.reply(gzip.compress(CLIP + bytes(30_000_000), 1), Content_Encoding="gzip")


UNFETCHABLE: dict[str, tuple[Script, int, str]] = {
    "HTML": (lambda exchange: exchange.reply(b"<!doctype html><p>Sign in"), 2, "HTML"),
    "empty": (lambda exchange: exchange.reply(b""), 2, "empty"),
    "404": (lambda exchange: exchange.reply(CLIP, status="404 Not Found"), 2, "HTTP 404; check the address"),
    "204": (lambda exchange: exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n"), 2, "HTTP 204"),
    "302 without a place": (lambda exchange: exchange.reply(b"", status="302 Found"), 2, "HTTP 302"),
    "401": (lambda exchange: exchange.reply(b"", status="401 x"), 2, "HTTP 401"),
    "500": (lambda exchange: exchange.reply(b"", status="500 x"), 2, "HTTP 500"),
    "redirect loop": (redirect("/again"), 2, "redirects more than 5 times"),
    "redirect to another port": (redirect("http://127.0.0.1:1/"), 2, "127.0.0.1, which is on a private"),
    "redirect to localhost": (redirect("http://localhost:1/"), 2, "on a private network"),
    "redirect to a private network": (redirect("http://10.0.0.1/"), 2, "on a private network"),
    "redirect to metadata": (redirect("http://169.254.169.254/latest"), 2, "not an address that audio"),
    "redirect to metadata, NAT64": (redirect("http://[64:ff9b::a9fe:a9fe]/"), 2, "not an address that audio"),
    "redirect to a file": (redirect("file:///etc/passwd"), 2, "only http and https addresses can"),
    "redirect with a password": (redirect("http://u:p@127.0.0.1/"), 2, "user name or password"),
    "redirect to port 0": (redirect("http://127.0.0.1:0/"), 2, "ports are 1 to 65535"),
    "redirect to port 99999": (redirect("http://127.0.0.1:99999/"), 2, "ports are 1 to 65535"),
    "too large, as it says": (
        lambda exchange: exchange.send(HEAD + b"Content-Length: 30000000\r\n\r\n"), 2, "larger than 25 MB"
    ),
    "too large": (flood, 2, "larger than 25 MB; raise the limit of the input"),
    "gzip bomb": (bomb, 2, "larger than 25 MB"),
    "gzip cut off": (
        lambda exchange: exchange.reply(gzip.compress(CLIP)[:-20], Content_Encoding="gzip"), 2, "compression"
    ),
    "cut off": (lambda exchange: exchange.send(HEAD + b"Content-Length: 9000\r\n\r\n" + CLIP), 7, "broke"),
    "closed": (lambda exchange: None, 7, "broke"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "code", "said"), UNFETCHABLE.values(), ids=UNFETCHABLE)
def test_what_cannot_be_fetched_is_said_and_the_model_is_not_asked(
    script: Script, code: int, said: str
) -> None:
    with listening(script) as (model, host):
        result, answer, line = ask(model, f"{host.url}/clip.wav", "--max-input", "25MB")
    assert (result, answer) == (code, b""), line
    assert said in line
    assert model.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/a", "unix://tmp/socket"),
        *("data://audio/wav", "http://", "http:///a.wav", "http://127.0.0.1:0/a", "http://127.0.0.1:99999/"),
        *("http://user:secret@127.0.0.1/a", "http://user@127.0.0.1/a"),
        *("http://127.0.0.1\\@169.254.169.254/", "http://127.0.0.1/a b.wav", "http://127.0.0.1/\ta"),
        *("http://127.0.0.1/a\r\nX: y", "http://127.0.0.1/\x1b[2J", "http://127.0.0.1/\u202e"),
        # What cannot be meant, in every spelling
        *(
            "http://169.254.169.254/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0251.0376.0251.0376/",
        ),
        *("http://169.254.43518/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/"),
        *("http://[2002:a9fe:a9fe::1]/", "http://[::169.254.169.254]/", "http://[fe80::1]/"),
        *("http://[fd00:ec2::254]/", "http://0/", "http://0.0.0.0/", "http://[::]/", "http://224.0.0.1/"),
        *("http://255.255.255.255/", "http://\N{CIRCLED DIGIT ONE}69.254.169.254/"),
    ],
)
def test_an_address_that_is_never_fetched(url: str) -> None:
    started = time.monotonic()
    with pytest.raises(InputError) as caught:
        asyncio.run(fetch(url, max_bytes=1000, seconds=5))
    assert time.monotonic() - started < 1
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "file:///etc/passwd", "http://u:p@127.0.0.1/"]
)
def test_an_address_that_is_never_fetched_is_said_by_the_program(url: str) -> None:
    with serve(clip) as model:
        code, answer, line = ask(model, url)
    assert (code, answer, model.connections) == (2, b"", 0)
    assert line


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
def test_what_a_user_names_may_be_on_this_machine(host: str) -> None:
    with serve(clip) as server:
        url = server.url.replace("127.0.0.1", host)
        assert asyncio.run(fetch(url, max_bytes=10_000, seconds=5)) == CLIP


def test_a_redirect_to_another_port_connects_to_nothing() -> None:
    with (
        serve(clip) as other,
        serve(redirect(f"{other.url}/clip.wav")) as host,
        pytest.raises(InputError, match="private network"),
    ):
        asyncio.run(fetch(host.url, max_bytes=10_000, seconds=5))
    assert other.connections == 0


def drip(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Content-Length: 4844\r\n\r\n")
    exchange.drip(CLIP, 0.02)


def drip_headers(exchange: Exchange) -> None:
    exchange.drip(HEAD + b"X: " + b"x" * 1000, 0.02)


def hold(exchange: Exchange) -> None:
    exchange.hold()


@pytest.mark.parametrize("script", [drip, drip_headers, hold])
def test_what_comes_too_slowly_is_given_up(script: Script) -> None:
    with serve(script) as server:
        started = time.monotonic()
        with pytest.raises(DeadlineError, match=r"did not arrive within 0\.5 s"):
            asyncio.run(fetch(server.url, max_bytes=10_000, seconds=0.5))
        assert time.monotonic() - started < 4


def test_the_limit_is_for_what_is_there_and_not_a_byte_less() -> None:
    with serve(clip) as server:
        assert asyncio.run(fetch(server.url, max_bytes=len(CLIP), seconds=5)) == CLIP
        with pytest.raises(InputError, match="larger than"):
            asyncio.run(fetch(server.url, max_bytes=len(CLIP) - 1, seconds=5))


# Addresses

NAMED_AND_REDIRECTED = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]
NAMED_ONLY = [
    *("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
    *("100.64.0.1", "100.127.255.254", "fc00::1", "fd12::1", "198.18.0.1", "::ffff:192.168.1.1"),
]
NEVER = [
    *(
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.0.1",
        "192.0.0.8",
        "192.0.0.192",
        "224.0.0.251",
    ),
    *("240.0.0.1", "255.255.255.255", "::", "::169.254.169.254", "::a9fe:a9fe", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "::ffff:0:169.254.169.254", "2002:a9fe:a9fe::1", "2001::1", "fe80::1", "febf::1"),
    *("fec0::1", "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::ffff:224.0.0.1"),
]


def refuses(check: object, address: str) -> bool:
    assert callable(check)
    try:
        check(ipaddress.ip_address(address))
    except AudiocliError as error:
        return isinstance(error, InputError)
    return False


@pytest.mark.parametrize("address", [*NAMED_AND_REDIRECTED, *NAMED_ONLY, *NEVER])
def test_where_a_user_and_where_a_server_may_lead(address: str) -> None:
    assert refuses(check_named, address) is (address in NEVER)
    assert refuses(check_redirected, address) is (address not in NAMED_AND_REDIRECTED)


def test_a_redirect_says_where_it_does_not_lead() -> None:
    with pytest.raises(InputError, match=r"redirects to 10\.0\.0\.1, which is on a private network"):
        check_redirected(ipaddress.ip_address("10.0.0.1"))
