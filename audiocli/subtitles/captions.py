"""A transcript as text, a table, subtitles (SubRip, WebVTT) and JSON; the last two are read back as well."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from math import isfinite
from typing import Any, get_args

from audiocli.chat import Usage
from audiocli.errors import InputError
from audiocli.printable import escaped
from audiocli.subtitles.cues import BROADCAST, Cue, CueLimits, cues, seconds
from audiocli.subtitles.prose import plain, space_between
from audiocli.transcript import Segment, Timing, Transcript, Word

__all__ = [
    "Cue",
    "CueLimits",
    "cues",
    "encode_text",
    "paragraphs",
    "encode_tsv",
    "encode_srt",
    "decode_srt",
    "encode_vtt",
    "decode_vtt",
    "encode_json",
    "decode_json",
    "transcript_to_json",
    "transcript_from_json",
    "segments_to_json",
    "segments_from_json",
]

SCHEMA = 1
"""The number of the JSON's form; it grows when a member changes its meaning or goes."""

PARAGRAPH_SECONDS = 2.0
"""A pause that begins a paragraph."""


# Text


def encode_text(transcript: Transcript) -> str:
    """Paragraphs, with an empty line between them: one begins after a long pause, and with each speaker.

    Where speakers are known, a paragraph begins with the speaker's name and a colon.
    """
    found = paragraphs(transcript.segments)
    return "\n\n".join(found) + "\n" if found else ""


def paragraphs(segments: Iterable[Segment]) -> list[str]:
    """Those of `encode_text`."""
    found = list[list[str]]()
    before: Segment | None = None
    for segment in segments:
        if not (text := plain(segment.text)):
            continue
        if before is None or _begins_paragraph(before, segment):
            found.append([_labelled(text, segment.speaker)])
        else:
            found[-1] += space_between(found[-1][-1], text), text
        before = segment
    return ["".join(parts) for parts in found]


def _begins_paragraph(before: Segment, segment: Segment) -> bool:
    return segment.speaker != before.speaker or segment.start - before.end > PARAGRAPH_SECONDS


def _labelled(text: str, speaker: str | None) -> str:
    name = plain(speaker or "")
    return f"{name}: {text}" if name else text


# Table


def encode_tsv(transcript: Transcript, *, words: bool = False) -> str:
    """Rows of start, end (milliseconds) and text, as Whisper writes them; then the speaker, if known."""
    speakers = any(segment.speaker for segment in transcript.segments)
    rows = [("start", "end", "text", "speaker"), *_rows(transcript, words)]
    return "".join("\t".join(row if speakers else row[:3]) + "\n" for row in rows)


def _rows(transcript: Transcript, words: bool) -> Iterator[tuple[str, str, str, str]]:
    for segment in transcript.segments:
        for part in segment.words if words and segment.words else (segment,):
            start, end = _milliseconds(part.start), _milliseconds(part.end)
            yield str(start), str(max(start, end)), plain(part.text), plain(segment.speaker or "")


# SubRip


def encode_srt(transcript: Transcript, *, words: bool = False, limits: CueLimits = BROADCAST) -> str:
    """The transcript's cues as SubRip. A speaker's name stands before the first cue of what they say."""
    found = cues(transcript, words=words, limits=limits)
    return "".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{text}\n\n"
        for number, (cue, text) in enumerate(_with_names(found), start=1)
    )


_ARROW = re.compile(r"-[- ]\s*>")


def _with_names(cues: Sequence[Cue]) -> Iterator[tuple[Cue, str]]:
    speaker = None
    for cue in cues:
        name = f"{cue.speaker}: " if cue.speaker and cue.speaker != speaker else ""
        speaker = cue.speaker
        # SubRip has no escapes, and readers look for arrows.
        yield cue, _ARROW.sub("→", name + "\n".join(cue.lines))


def decode_srt(text: str) -> list[Cue]:
    """The cues of a SubRip file, however loosely it is written. What is no cue is passed over."""
    return [
        Cue(start, end, tuple(filter(None, (_SRT_TAG.sub("", line).strip() for line in lines))))
        for start, end, lines in _decoded(text)
    ]


_SRT_TAG = re.compile(r"</?(?:[ibus]|font)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)


# WebVTT


def encode_vtt(transcript: Transcript, *, words: bool = False, limits: CueLimits = BROADCAST) -> str:
    """The transcript's cues as WebVTT, with speakers as voices."""
    return "WEBVTT\n\n" + "".join(
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_payload(cue)}\n\n"
        for cue in cues(transcript, words=words, limits=limits)
    )


def _payload(cue: Cue) -> str:
    voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
    return voice + _escaped("\n".join(cue.lines))


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def decode_vtt(text: str) -> list[Cue]:
    """The cues of a WebVTT file, in its order; a cue's first voice is its speaker."""
    return [_vtt_cue(*block) for block in _decoded(text)]


_VTT_TAG = re.compile(r"<[^<>]*>?")
_VTT_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]*)>")


def _vtt_cue(start: float, end: float, lines: list[str]) -> Cue:
    voice = _VTT_VOICE.search("\n".join(lines))
    speaker = html.unescape(voice[1]).strip() if voice else None
    plain_lines = (html.unescape(_VTT_TAG.sub("", line)).strip() for line in lines)
    return Cue(start, end, tuple(filter(None, plain_lines)), speaker or None)


# What both have in common


def _milliseconds(time: float) -> int:
    return round(seconds(time) * 1000)


def _time(time: float, point: str) -> str:
    """`time` in seconds as hours, minutes, seconds and, after `point`, milliseconds."""
    rest, milliseconds = divmod(round(time * 1000), 1000)
    minutes, second = divmod(rest, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{milliseconds:03}"


_TIME = r"(?:([0-9]{1,6}):)?([0-9]{1,3}):([0-9]{1,3})(?:[.,]([0-9]{1,9}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")


def _decoded(text: str) -> Iterator[tuple[float, float, list[str]]]:
    """Start, end and lines of each cue. Notes, styles and numbers are outside of cues."""
    cue: tuple[float, float, list[str]] | None = None
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")):
        if times := _TIMES.match(line):
            if cue:
                yield _without_number(cue)
            groups = times.groups()
            cue = _from_time(groups[:4]), _from_time(groups[4:]), []
        elif cue and line.strip():
            cue[2].append(line)
        elif cue:
            yield cue
            cue = None
    if cue:
        yield cue


def _without_number(cue: tuple[float, float, list[str]]) -> tuple[float, float, list[str]]:
    """A cue that ends without an empty line, without the next one's number."""
    start, end, lines = cue
    return start, end, lines[:-1] if lines and lines[-1].strip().isdecimal() else lines


def _from_time(groups: Iterable[str | None]) -> float:
    hours, minutes, second, fraction = (group or "0" for group in groups)
    whole = int(hours) * 3600 + int(minutes) * 60 + int(second)
    return round(whole + float(f"0.{fraction}"), 3)


# JSON


def encode_json(transcript: Transcript) -> str:
    """All that is known, as one JSON object and a line feed.

    `schema` is 1. `text` is all of it; `duration` and every `start` and `end` are seconds, to the
    millisecond; `timing` is what they are good for (`word`, `segment`, `piece`); `language` and `usage` are
    the service's, or null; `notes` is a list of sentences. Of `segments` each has `start`, `end` and `text`,
    and where they are known `speaker`, `confidence` (0 to 1) and `words`, which have the same members.
    """
    return to_line(transcript_to_json(transcript))


def to_line(document: Any) -> str:
    """`document` as JSON in one line that is UTF-8 whatever text it holds, and drives no terminal."""
    line = escaped(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", line) + "\n"


_SURROGATE = re.compile("[\ud800-\udfff]")


def decode_json(text: str | bytes) -> Transcript:
    """The transcript that `encode_json` wrote. Raises `InputError` for what is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("the transcript is not JSON") from None
    return transcript_from_json(document)


def transcript_to_json(transcript: Transcript) -> dict[str, Any]:
    """The document of `encode_json`."""
    return {
        "schema": SCHEMA,
        "text": transcript.text,
        "duration": _rounded(transcript.duration),
        "language": transcript.language,
        "timing": transcript.timing,
        "segments": segments_to_json(transcript.segments),
        "usage": asdict(transcript.usage) if transcript.usage else None,
        "notes": list(transcript.notes),
    }


def transcript_from_json(document: Any) -> Transcript:
    """The transcript in a document of `transcript_to_json`. Raises `InputError` for another."""
    try:
        return _transcript(document)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        raise InputError("the transcript's JSON has another form", hint="make it again") from None


def segments_to_json(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Segments as they stand in the document of a transcript."""
    return [
        _part(segment)
        | ({"speaker": segment.speaker} if segment.speaker is not None else {})
        | ({"words": [_part(word) for word in segment.words]} if segment.words else {})
        for segment in segments
    ]


def segments_from_json(documents: Any) -> tuple[Segment, ...]:
    """The segments of `segments_to_json`. Raises `InputError` for anything else."""
    try:
        return tuple(map(_segment, documents))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        raise InputError("the segments' JSON has another form", hint="make it again") from None


def _part(part: Segment | Word) -> dict[str, Any]:
    document = {"start": _rounded(part.start), "end": _rounded(part.end), "text": part.text}
    if part.confidence is not None:
        document["confidence"] = _rounded(part.confidence)
    return document


def _rounded(value: float) -> float:
    """To the thousandth; JSON knows no infinity."""
    return round(value, 3) if isfinite(value) else 0.0


def _transcript(document: dict[str, Any]) -> Transcript:
    if document["schema"] != SCHEMA or document["timing"] not in get_args(Timing):
        raise ValueError
    usage = document["usage"]
    return Transcript(
        segments=tuple(map(_segment, document["segments"])),
        duration=_number(document["duration"]),
        timing=document["timing"],
        language=_optional_text(document["language"]),
        usage=_usage(usage) if usage is not None else None,
        notes=tuple(_text(note) for note in document["notes"]),
    )


def _segment(document: dict[str, Any]) -> Segment:
    words = tuple(
        Word(_text(word["text"]), _number(word["start"]), _number(word["end"]), _confidence(word))
        for word in document.get("words", ())
    )
    return Segment(
        _text(document["text"]),
        _number(document["start"]),
        _number(document["end"]),
        words,
        _optional_text(document.get("speaker")),
        _confidence(document),
    )


def _usage(document: dict[str, Any]) -> Usage:
    cost = document.get("cost")
    members = {
        field.name: _number(document.get(field.name, field.default))
        for field in fields(Usage)
        if field.name != "cost"
    }
    heard = members.pop("input_seconds")
    return Usage(
        **{name: int(value) for name, value in members.items()},
        input_seconds=heard,
        cost=None if cost is None else _number(cost),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError
    return float(value)


def _confidence(document: dict[str, Any]) -> float | None:
    value = document.get("confidence")
    return None if value is None else _number(value)
