"""The JSON documents that OpenAI's service sends of a transcript, and what services count of it."""

import zlib
from math import log
from typing import Any

from audiocli.chat import Usage
from audiocli.transcript import Segment, Transcript, Word
from audiocli.wire.openai.usage import decode_usage

_LEAST_LOGPROB = 1e-6
"""What tells "sure" from 0, which is sent where nothing is known."""


def encode_document(
    transcript: Transcript, response_format: str, granularities: tuple[str, ...]
) -> dict[str, Any]:
    """`json`, `verbose_json` or `diarized_json`; `granularities` say what the second has times of."""
    usage = encode_usage(transcript.usage)
    match response_format:
        case "verbose_json":
            return _verbose(transcript, granularities) | usage
        case "diarized_json":
            told = {"task": "transcribe", "duration": transcript.duration, "text": transcript.text}
            return told | {"segments": diarized_segments(transcript)} | usage
    return {"text": transcript.text} | usage


def _verbose(transcript: Transcript, granularities: tuple[str, ...]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language or "",
        "duration": transcript.duration,
        "text": transcript.text,
    }
    if "segment" in granularities or not granularities:
        document["segments"] = [
            _segment(number, segment) for number, segment in enumerate(transcript.segments)
        ]
    if "word" in granularities:
        document["words"] = [_word(word) for segment in transcript.segments for word in segment.words]
    return document


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    data = segment.text.encode("utf-8", "replace")
    return {
        "id": number,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": f" {segment.text}",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _logprob(segment.confidence),
        "compression_ratio": len(data) / len(zlib.compress(data)),
        "no_speech_prob": 0.0,
    }


def _logprob(confidence: float | None) -> float:
    return 0.0 if confidence is None else min(log(max(confidence, _LEAST_LOGPROB)), -_LEAST_LOGPROB)


def _word(word: Word) -> dict[str, Any]:
    """A word without the punctuation around it, which is in the text."""
    bare = word.text.strip('.,!?;:…"“”«»()[]')
    return {"word": bare or word.text, "start": word.start, "end": word.end}


def diarized_segments(transcript: Transcript) -> list[dict[str, Any]]:
    return [
        {
            "type": "transcript.text.segment",
            "text": f" {segment.text}",
            "speaker": segment.speaker or "A",
            "start": segment.start,
            "end": segment.end,
            "id": f"seg_{number}",
        }
        for number, segment in enumerate(transcript.segments)
    ]


# Usage


def encode_usage(usage: Usage | None) -> dict[str, Any]:
    """The member `usage`: tokens, or where none were counted, seconds. Nothing where nothing is known."""
    if usage is None:
        return {}
    charged = {} if usage.cost is None else {"cost": usage.cost}
    if usage.input_seconds and not usage.input_tokens and not usage.output_tokens:
        return {"usage": {"type": "duration", "seconds": usage.input_seconds} | charged}
    details = {
        "text_tokens": usage.input_tokens - usage.input_audio_tokens,
        "audio_tokens": usage.input_audio_tokens,
    }
    tokens = {
        "type": "tokens",
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "input_token_details": details,
        "output_tokens": usage.output_tokens,
    }
    return {"usage": tokens | charged}


def counted_usage(document: Any) -> Usage | None:
    """What a service counts; `None` if it counts nothing."""
    usage = decode_usage(document) if isinstance(document, dict) else Usage()
    return None if usage == Usage() else usage
