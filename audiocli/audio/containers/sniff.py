"""What a file is, told from its first bytes. Names lie; downloads are saved under any of them."""

from dataclasses import dataclass
from typing import Literal

from audiocli.errors import InputError
from audiocli.printable import quoted

Kind = Literal[
    "wav",
    "rf64",
    "rifx",
    "w64",
    "mp3",
    "flac",
    "ogg",
    "opus",
    "aiff",
    "caf",
    "au",
    "mp4",
    "webm",
    "aac",
    "amr",
    "mp2",
    "wma",
    "avi",
    "flv",
    "mpeg",
    "mpegts",
    "wavpack",
    "voc",
]
"""Audio, or video that may carry it. `ogg` is Ogg with anything but Opus in it."""

NAMES: dict[Kind, str] = {
    "wav": "WAV",
    "rf64": "RF64 WAV",
    "rifx": "big-endian WAV",
    "w64": "Wave64",
    "mp3": "MP3",
    "flac": "FLAC",
    "ogg": "Ogg",
    "opus": "Ogg Opus",
    "aiff": "AIFF",
    "caf": "CAF",
    "au": "AU",
    "mp4": "MP4",
    "webm": "WebM or Matroska",
    "aac": "AAC",
    "amr": "AMR",
    "mp2": "MPEG layer I or II",
    "wma": "Windows Media",
    "avi": "AVI",
    "flv": "Flash video",
    "mpeg": "MPEG video",
    "mpegts": "an MPEG transport stream",
    "wavpack": "WavPack",
    "voc": "Creative Voice",
}
"""What people call each kind."""

HEAD_BYTES = 4096
"""How much `sniff` wants of a file: two MPEG frames, of which the largest has 1,729 bytes."""

_Marks = tuple[tuple[int, bytes], ...]  # what stands at which offset

_AUDIO: tuple[tuple[Kind, _Marks], ...] = (
    ("wav", ((0, b"RIFF"), (8, b"WAVE"))),
    ("avi", ((0, b"RIFF"), (8, b"AVI "))),
    ("rf64", ((0, b"RF64"), (8, b"WAVE"))),
    ("rf64", ((0, b"BW64"), (8, b"WAVE"))),
    ("rifx", ((0, b"RIFX"), (8, b"WAVE"))),
    ("w64", ((0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"),)),
    ("flac", ((0, b"fLaC"),)),
    ("opus", ((0, b"OggS\x00"), (28, b"OpusHead"))),
    ("ogg", ((0, b"OggS\x00"),)),
    ("aiff", ((0, b"FORM"), (8, b"AIFF"))),
    ("aiff", ((0, b"FORM"), (8, b"AIFC"))),
    ("caf", ((0, b"caff\x00\x01"),)),
    ("au", ((0, b".snd\x00"),)),
    ("mp4", ((4, b"ftyp"),)),
    ("webm", ((0, b"\x1a\x45\xdf\xa3"),)),
    ("amr", ((0, b"#!AMR"),)),
    ("wma", ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"),)),
    ("flv", ((0, b"FLV\x01"),)),
    ("mpeg", ((0, b"\x00\x00\x01\xba"),)),
    ("mpegts", tuple((188 * n, b"G") for n in range(4))),  # packets of 188 bytes, with nothing else in common
    ("wavpack", ((0, b"wvpk"),)),
    ("voc", ((0, b"Creative Voice File\x1a"),)),
)

_PICTURES = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
"""Brands of MP4 files that hold a picture."""

_OTHER: tuple[tuple[str, _Marks], ...] = (
    ("a Git LFS pointer, in place of the real file", ((0, b"version https://git-lfs"),)),
    ("a program", ((0, b"\x7fELF"),)),
    ("a program", ((0, b"MZ"), (3, b"\x00"))),
    ("a script", ((0, b"#!"),)),
    ("a PNG picture", ((0, b"\x89PNG"),)),
    ("a JPEG picture", ((0, b"\xff\xd8\xff"),)),
    ("a GIF picture", ((0, b"GIF8"),)),
    ("a WebP picture", ((0, b"RIFF"), (8, b"WEBP"))),
    ("a HEIF or AVIF picture", ((4, b"ftyp"),)),
    ("a PDF document", ((0, b"%PDF"),)),
    ("MIDI, which holds notes but no sound", ((0, b"MThd"),)),
    ("a ZIP archive", ((0, b"PK\x03\x04"),)),
    ("a gzip archive", ((0, b"\x1f\x8b"),)),
    ("a playlist", ((0, b"#EXTM3U"),)),
)

_MARKUP: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("HTML", (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")),
    ("XML", (b"<",)),
    ("JSON", (b"{", b"[")),
)

_LOW_RATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_BIT_RATES = {  # kbit/s by MPEG version (2 stands for 2.5 too) and layer; counted from 1 in headers
    (1, 1): tuple(range(32, 449, 32)),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): _LOW_RATES,
    (2, 3): _LOW_RATES,
}
_RATES = (44_100, 48_000, 32_000)  # Hz in MPEG-1; MPEG-2 has half of that, MPEG-2.5 a quarter
_ADTS_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000),
    *(24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_RATE_DIVISORS = (4, None, 2, 1)  # by the version bits


@dataclass(frozen=True)
class Frame:
    """A frame of MPEG audio; `samples` are per channel."""

    kind: Kind
    size: int  # bytes, to where the next frame starts
    constant: bytes  # what all frames of one stream have in common
    samples: int
    rate: int  # Hz
    channels: int


def sniff(head: bytes) -> Kind | None:
    """The kind of audio that starts with `head`, or `None` if it is something else.

    `head` is the first `HEAD_BYTES` bytes, or all of a shorter file. MPEG audio has no signature: it is taken
    for that only where a second frame follows the first as it should. An ID3v2 tag is skipped; if `head` ends
    in it, the kind is MP3, which nearly all files with such a tag are.
    """
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURES:
        return None
    untagged = head
    while tag := id3_size(untagged):
        untagged = untagged[tag:]
    found = signed_kind(untagged) or _sniff_frames(untagged)
    return found or ("mp3" if untagged is not head else None)


def signed_kind(head: bytes) -> Kind | None:
    """The kind of audio whose signature `head` starts with; MPEG audio has none."""
    return next((kind for kind, marks in _AUDIO if _bears(head, marks)), None)


def recognised(head: bytes, name: str) -> Kind:
    """What `sniff` says. Raises `InputError`, which calls it `name`, for what is no audio."""
    if not head:
        raise InputError(f"{quoted(name)} is empty", hint="name an audio file")
    kind = sniff(head)
    if not kind:
        raise InputError(
            f"{quoted(name)} is not audio: it looks like {looks_like(head)}", hint="name an audio file"
        )
    return kind


def looks_like(head: bytes) -> str:
    """What `head` seems to be if it is not audio, for a message: `HTML`, `a PNG picture`, `text`."""
    for name, marks in _OTHER:
        if _bears(head, marks):
            return name
    return _looks_like_text(head) if _is_text(head) else "unknown binary data"


def _sniff_frames(head: bytes) -> Kind | None:
    first = frame_at(head)
    if not first:
        return None
    rest = head[first.size :]
    if len(rest) < 4:
        return (
            first.kind if first.kind == "mp3" else None
        )  # a head this short is a guess; MP3 is the likely one
    second = frame_at(rest)
    return first.kind if second and second.constant == first.constant else None


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the start: 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (2, 3, 4) or max(head[6:10]) > 127:
        return 0
    high, upper, lower, low = head[6:10]  # seven bits in each, so that a size never looks like a frame
    footer = 10 if head[5] & 0x10 else 0
    return 10 + (high << 21 | upper << 14 | lower << 7 | low) + footer


def frame_at(data: bytes) -> Frame | None:
    """The MPEG audio frame whose header `data` starts with."""
    if len(data) < 6 or data[0] != 0xFF or data[1] < 0xE0:
        return None
    layer = 4 - (data[1] >> 1 & 3)
    return _adts_frame(data) if layer == 4 else _layer_frame(data, layer)


def _layer_frame(data: bytes, layer: int) -> Frame | None:
    divisor = _RATE_DIVISORS[data[1] >> 3 & 3]
    bit_rate, sample_rate = data[2] >> 4, data[2] >> 2 & 3
    if not divisor or bit_rate in (0, 15) or sample_rate == 3:
        return None
    version = 1 if divisor == 1 else 2
    kbits = _BIT_RATES[version, layer][bit_rate - 1]
    slot = 4 if layer == 1 else 1  # bytes that padding adds
    samples = {1: 384, 2: 1152, 3: 1152 if version == 1 else 576}[layer]
    rate = _RATES[sample_rate] // divisor
    slots = samples * kbits * 125 // (rate * slot) + (data[2] >> 1 & 1)
    return Frame(
        kind="mp3" if layer == 3 else "mp2",
        size=slots * slot,
        constant=bytes((data[1] & 0xFE, data[2] & 0x0C)),
        samples=samples,
        rate=rate,
        channels=1 if data[3] >> 6 == 3 else 2,
    )


def _adts_frame(data: bytes) -> Frame | None:
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    if data[1] < 0xF0 or data[2] >> 2 & 15 > 12 or size < 7:
        return None
    return Frame(
        kind="aac",
        size=size,
        constant=bytes((data[1], data[2] & 0xFC)),
        samples=1024 * ((data[6] & 3) + 1 if len(data) > 6 else 1),
        rate=_ADTS_RATES[data[2] >> 2 & 15],
        channels=(data[2] & 1) << 2 | data[3] >> 6 or 1,
    )


def _bears(head: bytes, marks: _Marks) -> bool:
    return all(head.startswith(mark, offset) for offset, mark in marks)


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters that text has no use for; its last character may be cut off."""
    decoded = head.decode("utf-8", "ignore")
    lost = len(head) - len(decoded.encode())
    return lost < 4 and not any(ord(c) < 32 and c not in "\t\n\v\f\r\x1b" for c in decoded)


def _looks_like_text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for name, beginnings in _MARKUP:
        if start.startswith(beginnings):
            return name
    return "text"
