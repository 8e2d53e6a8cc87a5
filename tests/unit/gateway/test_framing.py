import pytest

from audiocli.gateway.server.framing import (
    Chunked,
    Counted,
    Framing,
    RefusedError,
    check_beginning,
    check_head,
    framing_of,
)

HOST = (b"host", b"x")


def parts(framing: Framing, data: bytes, size: int) -> list[bytes]:
    """`data` as `framing` cuts it, when it arrives in pieces of `size`."""
    found = []
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        while taken := framing.take(piece):
            found.append(piece[:taken])
            piece = piece[taken:]
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_chunked_body_is_cut_at_its_chunks_however_it_arrives(size: int) -> None:
    body = b"2\r\nhi\r\n3;name=value\r\na\nb\r\n0\r\nX: y\r\n\r\n"
    assert b"".join(parts(Chunked(), body, size)) == body
    assert parts(Chunked(), body, 100) == [
        b"2\r\n",
        b"hi\r\n",
        b"3;name=value\r\n",
        b"a\nb\r\n",
        b"0\r\n",
        b"X: y\r\n",
        b"\r\n",
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"0x2\r\n",
        b"-2\r\n",
        b"+2\r\n",
        b" 2\r\n",
        b"2 \r\n",
        b"2\n",
        b"\r\n",
        b"g\r\n",
        b"f" * 16 + b"\r\n",
        b"2;a\0\r\n",
    ],
)
def test_a_chunks_size_is_a_plain_number(line: bytes) -> None:
    with pytest.raises(RefusedError):
        Chunked().take(line)


def test_lines_between_chunks_are_bounded_even_without_an_end() -> None:
    framing = Chunked()
    with pytest.raises(RefusedError):
        parts(framing, b"2;" + b"a" * 5000, 100)
    framing = Chunked()
    with pytest.raises(RefusedError) as caught:
        parts(framing, b"0\r\n" + b"X: y\r\n" * 5000, 100)
    assert caught.value.status == 431


def test_a_counted_body_ends_where_it_says() -> None:
    framing = Counted(5)
    assert framing.take(b"abc") == 3
    assert framing.take(b"defg") == 2
    assert framing.take(b"g") == 0


@pytest.mark.parametrize(
    ("version", "headers", "status"),
    [
        ("1.1", [], 400),
        ("1.1", [HOST, HOST], 400),
        ("1.1", [(b"host", b"a b")], 400),
        ("1.1", [(b"host", b"u@x")], 400),
        ("1.1", [HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400),
        ("1.0", [HOST, (b"transfer-encoding", b"chunked")], 400),
        ("1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], 400),
        ("1.1", [HOST, (b"content-length", b"1"), (b"content-length", b"1")], 400),
        ("1.1", [HOST, (b"content-length", b"+1")], 400),
        ("1.1", [HOST, (b"content-length", b"9" * 30)], 400),
        ("1.1", [HOST, (b"authorization", b"a"), (b"authorization", b"b")], 400),
        ("1.1", [HOST, (b"expect", b"tea")], 417),
        ("1.1", [HOST, *[(b"x", b"y")] * 100], 431),
    ],
)
def test_headers_that_may_be_read_in_two_ways_are_refused(
    version: str, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    with pytest.raises(RefusedError) as caught:
        framing_of(version, headers)
    assert caught.value.status == status


def test_plain_headers_say_how_long_the_body_is() -> None:
    assert isinstance(framing_of("1.1", [HOST, (b"transfer-encoding", b"Chunked")]), Chunked)
    assert framing_of("1.1", [HOST, (b"content-length", b"12")]).take(b"x" * 20) == 12
    assert framing_of("1.0", []).take(b"x") == 0


def test_a_head_is_exactly_what_it_should_be() -> None:
    check_head(b"GET / HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nX: \xe9\r\n\r\n")
    for broken in (
        b"GET / HTTP/1.1\r\nHost: x\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        b"GET /\r\n\r\n",
    ):
        with pytest.raises(RefusedError) as caught:
            check_head(broken)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("beginning", "status"),
    [
        (b"GET /\r\n", 400),
        (b"GET / HTTP/2.0\r\n", 505),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\n" + b"a" * 999, 431),
    ],
)
def test_what_cannot_become_a_head_is_not_waited_for(beginning: bytes, status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        check_beginning(beginning, 500 if status == 431 else 64_000)
    assert caught.value.status == status
