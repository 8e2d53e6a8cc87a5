"""`sniff` is not fooled by chance."""

from hypothesis import example, given
from hypothesis import strategies as st

from audiocli.audio.containers.sniff import HEAD_BYTES, NAMES, looks_like, sniff


@given(st.binary(max_size=HEAD_BYTES))
@example(b"ID3\x04\0\0\0\0\0\0" * 400)
@example(b"\xff\xfe\0\0")
def test_any_bytes_are_told_or_not(head: bytes) -> None:
    kind = sniff(head)
    assert kind is None or kind in NAMES
    assert looks_like(head)


@given(
    st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=400),
    st.sampled_from(("utf-8", "utf-16")),
)
def test_text_is_not_mpeg(text: str, encoding: str) -> None:
    """UTF-16 starts with FF FE, which is the start of a frame too."""
    assert sniff(text.encode(encoding)) not in ("mp3", "mp2", "aac")


@given(st.integers(0xE0, 0xFF), st.binary(min_size=4, max_size=4))
def test_one_header_is_not_a_stream(second: int, rest: bytes) -> None:
    """Zeros stand where the next frame would be, wherever that is."""
    head = bytes((0xFF, second)) + rest
    assert sniff(head.ljust(HEAD_BYTES, b"\0")) is None


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_plain_text_is_text(text: str) -> None:
    assert looks_like(text.encode()) != "unknown binary data"
