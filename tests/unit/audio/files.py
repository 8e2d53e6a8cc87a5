"""Audio files, right and wrong, made byte by byte."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[4] / "shared" / "recorded"

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
needs_recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"{RECORDED} is not there")

EXTENSIBLE_TAIL = bytes.fromhex("0000 0000 1000 8000 00aa 0038 9b71")


class CountingFile(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def chunk(name: bytes, content: bytes, *, size: int | None = None, order: str = "<") -> bytes:
    """A chunk, padded to an even length; `size` is what it claims to be."""
    header = name + struct.pack(f"{order}I", len(content) if size is None else size)
    return header + content + b"\0" * (len(content) % 2)


def fmt(
    tag: int = 1,
    channels: int = 1,
    rate: int = 8000,
    bits: int = 16,
    *,
    block_align: int | None = None,
    byte_rate: int | None = None,
    more: bytes = b"",
    order: str = "<",
) -> bytes:
    block = channels * bits // 8 if block_align is None else block_align
    speed = (rate * block if byte_rate is None else byte_rate) & 0xFFFF_FFFF
    content = struct.pack(f"{order}HHIIHH", tag, channels, rate, speed, block, bits)
    return chunk(b"fmt ", content + more, order=order)


def riff(
    *chunks: bytes, magic: bytes = b"RIFF", form: bytes = b"WAVE", size: int | None = None, order: str = "<"
) -> bytes:
    body = form + b"".join(chunks)
    return magic + struct.pack(f"{order}I", len(body) if size is None else size) + body


def wav(samples: bytes = b"\1\0" * 400, **format_: int) -> bytes:
    """A plain WAV file, right in all its parts."""
    return riff(fmt(**format_), chunk(b"data", samples))  # type: ignore[arg-type] # mypy sees `more` and `order` too


def tone(path: Path, *options: str, seconds: float = 0.5, rate: int = 24_000) -> Path:
    """A file of 440 Hz in whatever format its name and `options` ask of ffmpeg."""
    sine = f"sine=frequency=440:duration={seconds}:sample_rate={rate}"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", sine, *options, str(path)]
    subprocess.run(command, check=True)
    return path
