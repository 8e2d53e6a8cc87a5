"""Events are the same however the network cuts them and whatever ends their lines."""

from hypothesis import given
from hypothesis import strategies as st

from audiocli.errors import ReplyError
from audiocli.wire.sse import EventDecoder, Failure, encode_event

LINE = st.binary(max_size=20).map(lambda line: line.translate(None, b"\r\n"))
PAYLOADS = st.lists(st.lists(LINE, min_size=1, max_size=3).map(b"\n".join).filter(bool), max_size=5)
ENDINGS = st.sampled_from([b"\n", b"\r\n", b"\r"])
PLACES = st.lists(st.integers(min_value=0, max_value=1000), max_size=20)
NOISE = st.sampled_from([b": ping", b"event: message", b"id: 1", b"retry: 5", b"data", b"nonsense", b":"])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def decode(pieces: list[bytes]) -> list[bytes]:
    decoder = EventDecoder()
    return [payload for piece in pieces for payload in decoder.feed(piece)]


@given(PAYLOADS, ENDINGS, PLACES, st.sampled_from([b"", b"\xef\xbb\xbf"]), st.lists(NOISE, max_size=3))
def test_payloads_come_out_as_they_went_in(
    payloads: list[bytes], ending: bytes, places: list[int], mark: bytes, noise: list[bytes]
) -> None:
    lines = [
        line
        for payload in payloads
        for line in [*noise, *(b"data: " + part for part in payload.split(b"\n")), b""]
    ]
    stream = mark + b"".join(line + ending for line in lines)
    assert decode(cut(stream, places)) == payloads


@given(st.binary(max_size=200) | st.text("data: \r\n\ufeffx").map(str.encode), PLACES)
def test_any_bytes_give_the_same_events_however_they_are_cut(stream: bytes, places: list[int]) -> None:
    whole, pieces = EventDecoder(), EventDecoder()
    expected = [*whole.feed(stream), *whole.close()]
    assert [
        *(payload for piece in cut(stream, places) for payload in pieces.feed(piece)),
        *pieces.close(),
    ] == expected


@given(LINE.filter(bool), PLACES)
def test_an_event_is_decoded_as_it_was_encoded(payload: bytes, places: list[int]) -> None:
    assert decode(cut(encode_event(payload), places)) == [payload]


def test_an_event_without_data_is_none() -> None:
    assert decode([b"data:\n\n", b"data: \n\n", b"event: ping\n\n", b"data: x\n\n"]) == [b"x"]


def test_the_space_after_the_colon_may_be_missing() -> None:
    assert decode([b"data:x\ndata:  y\n\n"]) == [b"x\n y"]


def test_the_end_of_the_stream_ends_an_event() -> None:
    decoder = EventDecoder()
    assert list(decoder.feed(b"data: [DONE]")) == []
    assert list(decoder.close()) == [b"[DONE]"]


@given(st.integers(min_value=1, max_value=7))
def test_an_event_larger_than_the_limit_is_refused_before_it_is_whole(size: int) -> None:
    decoder = EventDecoder(max_event_bytes=100)
    pieces = [b"data: " + b"x" * 60 + b"\n"] * 2
    stream = b"".join(pieces)
    fed = 0
    try:
        for start in range(0, len(stream), size):
            fed = start
            list(decoder.feed(stream[start : start + size]))
    except ReplyError:
        assert 90 <= fed <= 110
    else:
        raise AssertionError("nothing was raised")


def test_comments_and_events_add_up_to_nothing() -> None:
    decoder = EventDecoder(max_event_bytes=100)
    for _ in range(1000):
        assert list(decoder.feed(b": keep-alive\n\n")) == []
        assert list(decoder.feed(b"data: " + b"x" * 50 + b"\n\n")) == [b"x" * 50]


def test_an_event_that_is_called_an_error_is_told_from_others() -> None:
    decoder = EventDecoder()

    payloads = list(decoder.feed(b"event: error\ndata: a\n\ndata: b\n\nevent: ping\ndata: c\n\n"))

    assert payloads == [b"a", b"b", b"c"]
    assert [isinstance(each, Failure) for each in payloads] == [True, False, False]


def test_comments_between_events_are_kept_until_they_are_taken_and_bounded() -> None:
    decoder = EventDecoder()
    list(decoder.feed(b": one\n\ndata: a\n: within\n\n:two\n"))
    assert decoder.comments == [b": one", b":two"]

    list(decoder.feed(b":" + b"x" * 100_000 + b"\n" + b": n\n" * 1000))
    assert sum(map(len, decoder.comments)) < 20_000
