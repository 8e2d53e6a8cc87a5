"""Which model suits what is asked: how well one would do, and what a named one cannot give."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audiocli.capabilities import Capabilities, lookup
from audiocli.errors import CapabilityError

_WITH_WORDS = ("whisper-1", "groq/whisper-large-v3", "local/moonshine-tiny-en")
_WITH_SPEAKERS = ("gpt-4o-transcribe-diarize", "mistral/voxtral-mini-latest")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a transcript shall have beside its text: times of words, times fit for subtitles, speakers.

    `prompt` says that one is given, `today` is an ISO date. Of a chat, `spoken` says that its answer shall be
    heard.
    """

    words: bool = False
    timed: bool = False
    speakers: bool = False
    prompt: bool = False
    spoken: bool = False
    today: str = ""


TEXT_ONLY = Wanted()

# What is wrong with a model: what it lacks weighs more than all the rest.
_ENDS_SOON, _CHATS, _LACKS = 1, 2, 4


def chat_penalty(known: Capabilities, wanted: Wanted) -> int | None:
    """How much is wrong with a model for a chat, 0 for nothing; `None` if it cannot do what is wanted."""
    able = known.mode == "chat" and known.audio_input is True
    if not able or (wanted.spoken and known.audio_output is not True) or known.is_retired(wanted.today):
        return None
    return _ENDS_SOON * known.ends_soon(wanted.today)


def transcript_penalty(known: Capabilities, wanted: Wanted) -> int | None:
    """How much is wrong with a model for a transcript, as `chat_penalty` has it."""
    if known.mode not in ("chat", "transcription"):
        return None
    try:
        check_suits(known, replace(wanted, prompt=False))
    except CapabilityError:
        return None
    timed = known.word_times or known.segment_times
    return (
        _CHATS * chats(known)
        + _LACKS * (wanted.prompt and known.prompt is False)
        + _LACKS * (wanted.words and known.word_times is None)
        + _LACKS * (wanted.speakers and known.speakers is None)
        + _LACKS * (wanted.timed and not timed)
        + _ENDS_SOON * known.ends_soon(wanted.today)
    )


def chats(known: Capabilities | None) -> bool:
    """Whether a model is asked for a transcript by chat."""
    return known is not None and (known.mode == "chat" or (known.mode is None and known.audio_input is True))


def check_suits(known: Capabilities | None, wanted: Wanted) -> None:
    """Raise `CapabilityError`, with what to do, for what the model is known not to do.

    What nobody knows is not refused: the service has the last word.
    """
    if known is None:
        return
    _check_writes(known, wanted.today)
    if wanted.words and (chats(known) or known.word_times is False):
        raise CapabilityError(
            f"{known.id} does not tell when each word is said",
            hint=f"leave out the words, or use {_either(_WITH_WORDS, wanted.today)}",
        )
    if wanted.speakers and (chats(known) or known.speakers is False):
        raise CapabilityError(
            f"{known.id} does not tell who speaks",
            hint=f"leave out the speakers, or use {_either(_WITH_SPEAKERS, wanted.today)}",
        )
    if wanted.prompt and known.prompt is False:
        raise CapabilityError(f"{known.id} takes no prompt", hint="leave out the prompt")


def _check_writes(known: Capabilities, today: str) -> None:
    if known.is_retired(today):
        instead = f"use {known.successor}" if known.successor else "use another model"
        raise CapabilityError(f"{known.id} was retired on {known.shutdown}", hint=instead)
    another = "use another model, such as gpt-transcribe"
    if known.mode == "realtime":
        raise CapabilityError(f"{known.id} hears only over a live connection", hint=another)
    if known.mode not in (None, "chat", "transcription"):
        raise CapabilityError(f"{known.id} is a {known.mode} model, which writes nothing down", hint=another)
    if known.audio_input is False:
        raise CapabilityError(f"{known.id} does not take audio", hint=another)


def _either(names: Iterable[str], today: str) -> str:
    """The names of those that are still there."""
    known = (lookup(name) for name in names)
    return " or ".join(model.id for model in known if model is not None and not model.is_retired(today))
