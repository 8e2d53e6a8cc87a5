"""The embedded voice reads a text aloud, sentence by sentence; see `voice.Speak`."""

from collections.abc import AsyncGenerator

from audiocli.local.sentences import speakable, take_clause, take_sentences
from audiocli.local.speak import choose_speaker, find_flite, start_warming_up


async def speak_locally(text: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:
    """Voices are those of `local.speak`; any other name stands for the default one."""
    start_warming_up()
    speaker = choose_speaker(voice, find_flite(), speed)
    first, rest = take_clause(_readable(text))
    others, last = take_sentences(rest)
    for sentence in (*first, *others, last):
        if spoken := speakable(sentence):
            yield await speaker.speak(spoken)


def _readable(text: str) -> str:
    """What no voice can say, such as a character 0, becomes a space; lines stay lines."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)
