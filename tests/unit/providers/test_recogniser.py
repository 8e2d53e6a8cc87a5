"""Words become segments; and what the embedded recogniser cannot do is said before it starts."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from audiocli.chat import AudioBytes, AudioPart
from audiocli.errors import CapabilityError
from audiocli.providers.embedded.recogniser import LocalTranscriber, into_segments
from audiocli.transcript import TranscriptionRequest, Word


def _words(text: str, *, each: float = 0.3, pauses: dict[int, float] | None = None) -> list[Word]:
    """Words of `each` second, one after the other; `pauses` says after how many words there is one."""
    at, words = 0.0, []
    for index, word in enumerate(text.split()):
        at += (pauses or {}).get(index, 0.0)
        words.append(Word(word, at, at + each, 0.5 + index / 100))
        at += each
    return words


def _texts(words: list[Word]) -> list[str]:
    return [segment.text for segment in into_segments(words)]


def test_a_sentence_is_a_segment() -> None:
    words = _words("It rains. Does it? No, 3.14 drops.")
    assert _texts(words) == ["It rains.", "Does it?", "No, 3.14 drops."]
    first = next(iter(into_segments(words)))
    assert (first.start, first.end, first.words) == (0.0, 0.6, tuple(words[:2]))
    assert first.confidence == pytest.approx(0.505)


def test_a_pause_ends_one() -> None:
    assert _texts(_words("one two three four", pauses={2: 0.6, 3: 0.4})) == ["one two", "three four"]


def test_a_long_one_ends_at_a_comma() -> None:
    assert _texts(_words("a, b c, d e", each=6)) == ["a, b c,", "d e"]


def test_no_words_make_no_segments() -> None:
    assert _texts([]) == []


@pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the local extra is not installed"
)
@pytest.mark.parametrize(("wanted", "says"), [({"language": "de"}, "'de'"), ({"speakers": True}, "speakers")])
def test_what_it_cannot_do_is_refused(tmp_path: Path, wanted: dict[str, Any], says: str) -> None:
    audio = AudioPart(AudioBytes(b""), "wav")
    request = TranscriptionRequest(model="x", audio=audio, duration=1, **wanted)

    async def ask() -> None:
        async for _ in LocalTranscriber(tmp_path, lambda what, done, total: None).stream(request):
            pass

    with pytest.raises(CapabilityError, match=says) as raised:
        asyncio.run(ask())
    assert raised.value.hint is not None
    assert raised.value.exit_code == 3
