"""What the bytes of an answer are taken for."""

import struct
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocli.audio.containers.wav import STREAMED, wav_header
from audiocli.audio.recording import PcmFormat
from audiocli.audio.writing.sound import MAX_HEADER_BYTES, SoundDecoder
from audiocli.errors import ReplyError
from tests.unit.audio.files import chunk, fmt, riff

SAMPLES = array("h", [0, -1, 300, -300, 12_000, -12_000, 32_767, -32_768] * 40).tobytes()
LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf58.29.100\0")


def decoded(*pieces: bytes) -> tuple[bytes, SoundDecoder]:
    decoder = SoundDecoder()
    sound = b"".join(map(decoder.feed, pieces))
    return sound + decoder.close(), decoder


def samples_of(*pieces: bytes) -> bytes:
    return decoded(*pieces)[0]


def wide(width: int, tag: int = 1) -> bytes:
    """A WAV file of `SAMPLES`, each in `width` bytes."""
    values = array("h", SAMPLES)
    if tag == 3:
        code = {4: "f", 8: "d"}[width]
        content = struct.pack(f"<{len(values)}{code}", *(value / 32_768 for value in values))
    elif width == 1:
        content = bytes((value >> 8) + 128 for value in values)
    else:
        content = b"".join(bytes(width - 2) + struct.pack("<h", value) for value in values)
    return riff(fmt(tag, bits=8 * width, rate=24_000), chunk(b"data", content))


PLAIN = wav_header(len(SAMPLES)) + SAMPLES
FORMS = {
    "headerless": SAMPLES,
    "WAV": PLAIN,
    "WAV with a LIST chunk before": riff(fmt(rate=24_000), LIST, chunk(b"data", SAMPLES)),
    "WAV with a LIST chunk behind": riff(fmt(rate=24_000), chunk(b"data", SAMPLES), LIST),
    "WAV that was streamed": wav_header(None) + SAMPLES,
    "WAV with sizes of 0": riff(fmt(rate=24_000), chunk(b"data", SAMPLES, size=0), size=0),
    "24-bit WAV": wide(3),
    "32-bit WAV": wide(4),
    "float WAV": wide(4, tag=3),
    "double WAV": wide(8, tag=3),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_pcm_gives_its_samples(form: str) -> None:
    sound, decoder = decoded(FORMS[form])
    assert sound == SAMPLES
    assert decoder.pcm == PcmFormat(24_000, 1)


def test_eight_bits_become_sixteen() -> None:
    assert array("h", samples_of(wide(1))) == array("h", [v >> 8 << 8 for v in array("h", SAMPLES)])


def test_floats_beyond_full_scale_are_clipped_and_no_number_is_silence() -> None:
    content = struct.pack("<4f", 2.0, -2.0, float("nan"), float("-inf"))
    sound = samples_of(riff(fmt(3, bits=32, rate=24_000), chunk(b"data", content * 10)))
    assert list(array("h", sound))[:4] == [32_767, -32_768, 0, -32_768]


def test_rate_and_channels_are_those_of_the_header() -> None:
    _, decoder = decoded(riff(fmt(rate=44_100, channels=2), chunk(b"data", SAMPLES)))
    assert decoder.pcm == PcmFormat(44_100, 2)


@given(form=st.sampled_from(sorted(FORMS)), cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_any_cuts_give_the_same_samples(form: str, cuts: list[int]) -> None:
    data = FORMS[form]
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert samples_of(*(data[start:end] for start, end in pairwise(bounds))) == SAMPLES


def test_one_byte_at_a_time_gives_the_same_samples() -> None:
    for form in FORMS.values():
        assert samples_of(*(form[place : place + 1] for place in range(len(form)))) == SAMPLES


@given(
    head=st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", PLAIN[:36], b"ID3\x04", b"\xff\xfb", b"fLaC", b"OggS\0"]),
    pieces=st.lists(st.binary(max_size=300), max_size=8),
)
@settings(max_examples=300)
def test_whatever_comes_nothing_but_a_reply_error_is_raised(head: bytes, pieces: list[bytes]) -> None:
    decoder = SoundDecoder()
    try:
        decoder.feed(head)
        for piece in pieces:
            decoder.feed(piece)
        decoder.close()
    except ReplyError as error:
        assert str(error)  # noqa: PT017 - either way is right


@pytest.mark.parametrize("many", [2, 20_000])
def test_a_whole_wav_file_in_each_piece_is_one_sound(many: int) -> None:
    piece = wav_header(4) + b"\1\0\2\0"
    assert samples_of(*[piece] * many) == b"\1\0\2\0" * many


def test_files_behind_each_other_in_one_piece_are_one_sound() -> None:
    assert samples_of((wav_header(4) + b"\1\0\2\0") * 20_000) == b"\1\0\2\0" * 20_000


def test_pieces_that_do_not_know_their_size_are_one_sound() -> None:
    assert samples_of(*[wav_header(None) + SAMPLES] * 3) == SAMPLES * 3


CUT = {
    "a WAV file that is too short": PLAIN[:-2],
    "a 24-bit WAV file that is too short": wide(3)[:-3],
    "half a sample": SAMPLES[:-1],
    "half a frame": riff(fmt(channels=2), chunk(b"data", SAMPLES[:-2], size=STREAMED)),
    "half a file among whole ones": PLAIN + PLAIN[:60],
}


@pytest.mark.parametrize("form", CUT)
def test_sound_that_is_cut_off_is_refused(form: str) -> None:
    with pytest.raises(ReplyError, match="cut off"):
        decoded(CUT[form])


def test_a_piece_that_is_cut_off_is_not_forgotten_for_the_next() -> None:
    with pytest.raises(ReplyError, match="cut off"):
        decoded(PLAIN[:-2], PLAIN)


NOT_SOUND = {
    "HTML": b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>" * 2,
    "JSON": b'{"error": {"message": "no audio for you"}}' * 3,
    "text": b"I am sorry, but I cannot say that aloud. " * 3,
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a ZIP archive": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", NOT_SOUND)
def test_what_is_not_sound_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ReplyError, match=name):
        decoded(NOT_SOUND[name])


@pytest.mark.parametrize("size", range(1, 44))
def test_a_part_of_a_header_is_no_sound(size: int) -> None:
    """Sixteen bytes and more are a WAV file for certain; fewer are too few to be a sound that matters."""
    try:
        sound = samples_of(PLAIN[:size])
    except ReplyError:
        return
    assert size < 12
    assert sound == PLAIN[:size]


def test_formats_must_not_change_midway() -> None:
    with pytest.raises(ReplyError, match="sample rate"):
        decoded(PLAIN, wav_header(len(SAMPLES), rate=48_000) + SAMPLES)


def test_a_header_has_an_end() -> None:
    decoder = SoundDecoder()
    endless = riff(fmt(), chunk(b"LIST", b"", size=2**30))
    decoder.feed(endless)
    with pytest.raises(ReplyError, match="cannot be read"):
        decoder.feed(bytes(MAX_HEADER_BYTES + 1))


@pytest.mark.parametrize(("tag", "bits"), [(0x0011, 4), (0x0055, 16), (6, 8)])
def test_a_wav_with_another_codec_stays_as_it_came(tag: int, bits: int) -> None:
    file = riff(fmt(tag, bits=bits, block_align=1, byte_rate=8000), chunk(b"data", SAMPLES))
    sound, decoder = decoded(file[:100], file[100:])
    assert (sound, decoder.pcm, decoder.kind) == (file, None, "wav")


def test_frames_come_whole() -> None:
    decoder = SoundDecoder()
    sizes = [len(decoder.feed(PLAIN[place : place + 7])) for place in range(0, 200, 7)]
    assert all(size % 2 == 0 for size in sizes)
