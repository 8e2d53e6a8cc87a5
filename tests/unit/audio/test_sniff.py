"""Each kind is told by its first bytes; what is not audio is given a name of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

from audiocli.audio.containers.sniff import HEAD_BYTES, NAMES, Kind, looks_like, sniff
from tests.unit.audio.files import chunk, fmt, needs_ffmpeg, riff, tone, wav

MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes
MP3_LOW_FRAME = b"\xff\xf3\x84\xc4" + bytes(188)  # MPEG-2 layer III, 64 kbit/s, 24 kHz: 192 bytes
MP2_FRAME = b"\xff\xfd\xa4\x04" + bytes(572)  # MPEG-1 layer II, 192 kbit/s, 48 kHz: 576 bytes
ADTS_FRAME = b"\xff\xf1\x50\x80\x03\x1f\xfc" + bytes(17)  # AAC, 44.1 kHz: 24 bytes
ID3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (wav(), "wav"),
        (riff(fmt(), magic=b"RF64"), "rf64"),
        (riff(fmt(), magic=b"BW64"), "rf64"),
        (riff(fmt(order=">"), magic=b"RIFX", order=">"), "rifx"),
        (bytes.fromhex("726966662e91cf11a5d628db04c10000"), "w64"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b"OggS\0\2" + bytes(22) + b"\1vorbis", "ogg"),
        (b"OggS\0\2" + bytes(22) + b"OpusHead", "opus"),
        (b"FORM\0\0\0\0AIFF", "aiff"),
        (b"FORM\0\0\0\0AIFC", "aiff"),
        (b"caff\0\1\0\0", "caf"),
        (b".snd\0\0\0\x18", "au"),
        (b"\0\0\0\x20ftypM4A ", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mp4"),
        (b"\x1a\x45\xdf\xa3\x9f", "webm"),
        (b"#!AMR\n<", "amr"),
        (b"#!AMR-WB\n", "amr"),
        (riff(chunk(b"LIST", b""), form=b"AVI "), "avi"),
        (b"Creative Voice File\x1a", "voc"),
        ((b"G" + bytes(187)) * 5, "mpegts"),
        (MP3_FRAME * 2, "mp3"),
        (MP3_FRAME, "mp3"),
        (MP3_FRAME[:100], "mp3"),
        (MP3_LOW_FRAME * 2, "mp3"),
        (MP2_FRAME * 2, "mp2"),
        (ADTS_FRAME * 2, "aac"),
        (ID3 + MP3_FRAME * 2, "mp3"),
        (b"ID3\x03\0\0\0\x7f\x7f\x7f" + bytes(500), "mp3"),
        (ID3 + ADTS_FRAME * 2, "aac"),
    ],
)
def test_audio(head: bytes, kind: Kind) -> None:
    assert sniff(head[:HEAD_BYTES]) == kind


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
            "a Git LFS pointer, in place of the real file",
        ),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\xef\xbb\xbf\n  <html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b'{"error": {"message": "no"}}', "JSON"),
        (b"\x7fELF\2\1\1", "a program"),
        (b"#!/bin/sh\n", "a script"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (riff(form=b"WEBP"), "a WebP picture"),
        (b"\0\0\0\x18ftypheic", "a HEIF or AVIF picture"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\3\4", "a ZIP archive"),
        (b"#EXTM3U\nhttp://example.com/a.mp3\n", "a playlist"),
        (b"ID3\x04\0\0\xff\xff\xff\xff", "unknown binary data"),  # no size that a tag could have
        (b"ID3 tags are found in many files", "text"),
        ("Ü".encode()[:1], "text"),
        ("\ufeffhello".encode("utf-16-le"), "unknown binary data"),
        (b"RIFF\0\0\0\0", "unknown binary data"),
        (bytes(HEAD_BYTES), "unknown binary data"),
        (b"\xff\xfb\x90\x64" + bytes(HEAD_BYTES), "unknown binary data"),  # one frame, then nothing
        (MP3_FRAME + b"\xff\xfb\x94\x64" + bytes(500), "unknown binary data"),  # the sample rate changes
        (b"\xff\xfb\xf0\x64" * 400, "unknown binary data"),  # an impossible bit rate
        (b"", "text"),
    ],
)
def test_anything_else(head: bytes, name: str) -> None:
    assert sniff(head) is None
    assert looks_like(head) == name


@needs_ffmpeg
@pytest.mark.parametrize(
    ("file", "options", "kind"),
    [
        ("a.wav", (), "wav"),
        ("a.flac", (), "flac"),
        ("a.mp3", (), "mp3"),
        ("low.mp3", ("-ar", "8000", "-b:a", "8k"), "mp3"),
        ("untagged.mp3", ("-id3v2_version", "0", "-write_xing", "0", "-ar", "48000", "-b:a", "320k"), "mp3"),
        ("a.mp2", (), "mp2"),
        ("loud.mp2", ("-ar", "32000", "-ac", "2", "-b:a", "384k"), "mp2"),
        ("a.ogg", ("-c:a", "libvorbis"), "ogg"),
        ("a.opus", ("-c:a", "libopus"), "opus"),
        ("a.aiff", (), "aiff"),
        ("a.caf", (), "caf"),
        ("a.au", (), "au"),
        ("a.w64", (), "w64"),
        ("a.m4a", (), "mp4"),
        ("a.aac", ("-b:a", "256k"), "aac"),
        ("a.webm", ("-c:a", "libopus"), "webm"),
        ("a.mkv", (), "webm"),
        ("a.avi", (), "avi"),
        ("a.wma", (), "wma"),
        ("a.flv", ("-ar", "44100"), "flv"),
        ("a.ts", (), "mpegts"),
        ("a.mpg", (), "mpeg"),
        ("a.wv", (), "wavpack"),
        ("a.voc", (), "voc"),
    ],
)
def test_what_ffmpeg_writes(tmp_path: Path, file: str, options: tuple[str, ...], kind: Kind) -> None:
    assert sniff(tone(tmp_path / file, *options, seconds=2).read_bytes()[:HEAD_BYTES]) == kind


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
def test_amr_as_sox_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "a.amr-nb"
    made = subprocess.run(["sox", "-n", "-r", "8000", str(file), "synth", "0.2"], capture_output=True)
    if made.returncode:
        pytest.skip("this sox has no AMR encoder")
    assert sniff(file.read_bytes()) == "amr"


def test_every_kind_has_a_name() -> None:
    assert set(NAMES) == set(Kind.__args__)  # type: ignore[attr-defined] # a Literal's values
