"""MP4 and WebM say how long they are; where they do not, or lie, there is no answer and no crash."""

import io
import struct

import pytest

from audiocli.audio.containers.sniff import Kind
from audiocli.audio.containers.video import Stated, stated_length


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, name) + body


def track(handler: bytes, scale: int, duration: int, *, long: bool = False) -> bytes:
    times = struct.pack(">BxxxQQIQ" if long else ">BxxxIIII", int(long), 0, 0, scale, duration)
    header = box(b"hdlr", bytes(8), handler, bytes(12))
    return box(b"trak", box(b"tkhd", bytes(80)), box(b"mdia", box(b"mdhd", times, bytes(4)), header))


def mp4(*tracks: bytes) -> bytes:
    return box(b"ftyp", b"M4A ") + box(b"moov", box(b"mvhd", bytes(100)), *tracks) + box(b"mdat", bytes(500))


def element(name: str, content: bytes, *, size: int | None = None) -> bytes:
    length = len(content) if size is None else size
    return bytes.fromhex(name) + (length | 1 << 56).to_bytes(8) + content


def webm(*info: bytes, size: int | None = None) -> bytes:
    segment = element("ec", bytes(9)) + element("1549a966", b"".join(info)) + element("1f43b675", bytes(500))
    return element("1a45dfa3", bytes(12)) + element("18538067", segment, size=size)


DURATION = element("4489", struct.pack(">d", 2500.0))
UNKNOWN = (1 << 56) - 1


def stated(content: bytes, kind: Kind) -> Stated | None:
    return stated_length(io.BytesIO(content), len(content), kind)


@pytest.mark.parametrize("long", [False, True])
def test_an_mp4_is_as_long_as_its_sound(long: bool) -> None:
    content = mp4(track(b"vide", 90_000, 9_000_000), track(b"soun", 44_100, 110_250, long=long))
    assert stated(content, "mp4") == Stated(2.5, whole=True)
    assert stated(content[:-1], "mp4") == Stated(2.5, whole=False)


@pytest.mark.parametrize(
    "content",
    [
        mp4(),
        mp4(track(b"vide", 1000, 1000)),
        mp4(track(b"soun", 0, 1000)),
        mp4(track(b"soun", 1000, 0)),
        mp4(track(b"soun", 1000, 0xFFFF_FFFF)),
        mp4(track(b"soun", 1, 0xFFFF_FFFE)),
        box(b"moov") * 20_000,
        b"\0\0\0\0moov" * 100,
        b"",
    ],
)
def test_an_mp4_that_does_not_say(content: bytes) -> None:
    assert stated(content, "mp4") is None


def test_a_webm_says_it_in_its_own_ticks() -> None:
    assert stated(webm(DURATION), "webm") == Stated(2.5, whole=True)
    ticks = element("2ad7b1", (100_000).to_bytes(3))
    assert stated(webm(ticks, DURATION), "webm") == Stated(0.25, whole=True)
    short = element("4489", struct.pack(">f", 2500.0))
    assert stated(webm(short, size=UNKNOWN), "webm") == Stated(2.5, whole=True)
    assert stated(webm(DURATION)[:-1], "webm") == Stated(2.5, whole=False)


@pytest.mark.parametrize(
    "content",
    [
        webm(),
        webm(element("4489", b"abc")),
        webm(element("4489", struct.pack(">d", float("nan")))),
        webm(element("4489", struct.pack(">d", float("inf")))),
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3" + bytes(100),
        b"\xff" * 1000,
        b"",
    ],
)
def test_a_webm_that_does_not_say(content: bytes) -> None:
    assert stated(content, "webm") is None


def test_no_damage_is_more_than_a_missing_answer() -> None:
    for kind, content in (("mp4", mp4(track(b"soun", 1000, 2500))), ("webm", webm(DURATION))):
        for position in range(min(len(content), 400)):
            for value in (0, 1, 127, 255):
                bad = content[:position] + bytes((value,)) + content[position + 1 :]
                found = stated(bad, kind)  # type: ignore[arg-type] # it is one of them
                assert found is None or 0 < found.seconds < 1e7
