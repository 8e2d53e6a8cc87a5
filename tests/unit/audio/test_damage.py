"""Whatever a reader raises on a damaged file is that file's failure, and the reason stays to be seen."""

import struct

import pytest

from audiocli.audio.reading.damage import UnreadableError, reading
from audiocli.audio.reading.prepare import prepare
from audiocli.audio.reading.recorded import examine
from audiocli.chat import AudioBytes
from audiocli.errors import InputError, OutputError
from tests.unit.audio.files import needs_ffmpeg


@pytest.mark.parametrize(
    "error",
    [OverflowError("too large"), struct.error("6 bytes"), RecursionError(), UnicodeError(), KeyError(1)],
)
def test_what_a_reader_raises_is_an_error_of_its_file(error: Exception) -> None:
    with (
        pytest.raises(UnreadableError, match=f"cannot read 'a.mp4': {type(error).__name__}") as caught,
        reading("a.mp4"),
    ):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.exit_code == 2


def test_too_little_memory_is_said() -> None:
    with pytest.raises(UnreadableError, match="needs more memory than there is"), reading("a.mp4"):
        raise MemoryError


@pytest.mark.parametrize("error", [InputError("damaged"), OutputError("disk full"), KeyboardInterrupt()])
def test_what_is_no_surprise_stays_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, reading("a.mp4"):
        raise error
    assert caught.value is error


SIZES = (1, 7, 15, 2**31, 2**32 - 1)
LONG_SIZES = (0, 1, 15, 2**31, 2**62, 2**63 - 17, 2**63 - 1, 2**63, 2**64 - 1)
FTYP = struct.pack(">I4s8s", 16, b"ftyp", b"isom")


def box(name: bytes, content: bytes, *, size: int | None = None, long: int | None = None) -> bytes:
    if long is not None:
        return struct.pack(">I4sQ", 1, name, long) + content
    return struct.pack(">I4s", len(content) + 8 if size is None else size, name) + content


@needs_ffmpeg
@pytest.mark.parametrize("name", [b"free", b"moov"])
@pytest.mark.parametrize(
    "sizes", [*({"size": size} for size in SIZES), *({"long": size} for size in LONG_SIZES)]
)
def test_no_size_of_a_box_is_more_than_an_error(name: bytes, sizes: dict[str, int]) -> None:
    inner = box(b"trak", box(b"mdia", bytes(60), long=2**63 - 40), long=2**62)
    content = FTYP + box(name, inner * 3, **sizes)
    for read in (examine, lambda source, name: prepare(source, name, max_bytes=10**6)):
        with pytest.raises(InputError, match="ffmpeg cannot read"):
            read(AudioBytes(content), "a.mp4")
