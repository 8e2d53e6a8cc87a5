"""Which model suits what is asked: how well one would do, and what a named one cannot give."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from audiocli.catalog import Capabilities, Table, lookup
from audiocli.errors import CapabilityError
from audiocli.providers.hosts import HOSTS, LOCAL, OPENAI

MANY = 1000

Purpose = Literal["chat", "transcription"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a transcript shall have beside its text: times of words, times fit for subtitles, speakers.

    `prompt` says that one is given, `today` is an ISO date. Of a chat, `spoken` says that its answer shall be
    heard, and `heard` that sound is sent with it.
    """

    words: bool = False
    timed: bool = False
    speakers: bool = False
    prompt: bool = False
    spoken: bool = False
    heard: bool = False
    today: str = ""


TEXT_ONLY = Wanted()

# What is wrong with a model: what it lacks weighs more than all the rest.
_ENDS_SOON, _CHATS, _DEAF, _LACKS = 1, 2, 2, 4


def chat_penalty(known: Capabilities, wanted: Wanted) -> int | None:
    """How much is wrong with a model for a chat, 0 for nothing; `None` if it cannot do what is wanted."""
    hears = known.audio_input is True
    able = known.mode == "chat" and (hears or not wanted.heard)
    if not able or (wanted.spoken and known.audio_output is not True) or known.is_retired(wanted.today):
        return None
    return _ENDS_SOON * known.ends_soon(wanted.today) + _DEAF * (not hears)


def transcript_penalty(known: Capabilities, wanted: Wanted) -> int | None:
    """How much is wrong with a model for a transcript, as `chat_penalty` has it."""
    if known.mode not in ("chat", "transcription") or _fault(known, wanted):
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


def check_suits(known: Capabilities | None, wanted: Wanted, ready: Collection[str] = ()) -> None:
    """Raise `CapabilityError`, with what to do, for what the model is known not to do.

    What nobody knows is not refused: the service has the last word. `ready` are the providers whose keys are
    set, whose models are named first.
    """
    if known is None:
        return
    if fault := _fault(known, wanted):
        what, without = fault
        raise CapabilityError(what, hint=instead(known, "transcription", wanted, ready, without=without))
    if wanted.prompt and known.prompt is False:
        raise CapabilityError(f"{known.id} takes no prompt", hint="leave out the prompt")


def _fault(known: Capabilities, wanted: Wanted) -> tuple[str, str] | None:
    """What it cannot do, and what may be left out for that; a prompt, which others do not need, apart."""
    if known.is_retired(wanted.today):
        return f"{known.id} was retired on {known.shutdown}", ""
    if known.mode == "realtime":
        return f"{known.id} hears only over a live connection", ""
    if known.mode not in (None, "chat", "transcription"):
        return f"{known.id} is a {known.mode} model, which writes nothing down", ""
    if known.audio_input is False:
        return f"{known.id} does not take audio", ""
    if wanted.words and (chats(known) or known.word_times is False):
        return f"{known.id} does not tell when each word is said", "leave out the words"
    if wanted.speakers and (chats(known) or known.speakers is False):
        return f"{known.id} does not tell who speaks", "leave out the speakers"
    return None


# Others that can do it


def ending(known: Capabilities, purpose: Purpose, wanted: Wanted, ready: Collection[str] = ()) -> str | None:
    """`retires 2027-02-26, use …`, with models that can do what is wanted; `None` if no end is known."""
    if known.shutdown is None or known.redirects:
        return known.end(wanted.today)
    others = _named(known, purpose, wanted, ready)
    return f"{replace(known, successor=None).end(wanted.today)}" + (f", use {others}" if others else "")


def ending_of_kind(known: Capabilities, today: str) -> str | None:
    """The same if nobody says what is wanted: a successor of another kind is none."""
    successor = lookup(known.successor, known.provider) if known.successor else None
    if successor is not None and known.mode is not None and successor.mode != known.mode:
        known = replace(known, successor=None)
    return known.end(today)


def instead(
    known: Capabilities, purpose: Purpose, wanted: Wanted, ready: Collection[str] = (), *, without: str = ""
) -> str:
    """What to do, where a model cannot do what is wanted: `without` it, or with models that can."""
    others = _named(known, purpose, wanted, ready)
    if others:
        return f"{without}, or use {others}" if without else f"use {others}"
    return "; ".join(filter(None, (without, "no other model is known to do what is asked")))


def _named(known: Capabilities, purpose: Purpose, wanted: Wanted, ready: Collection[str]) -> str:
    """The names of models in place of `known`: its successor's, if that will do, or others' by preference."""
    successor = lookup(known.successor, known.provider) if known.successor else None
    if successor is not None and _is_asked(successor) and _can(successor, purpose, wanted):
        return name_of(successor)
    found = others(purpose, wanted, ready, provider=known.provider, apart=known.id)
    return " or ".join(map(name_of, found))


def name_of(model: Capabilities) -> str:
    """With its provider, unless that is the one whose names need none."""
    prefix = "" if model.provider == OPENAI else f"{model.provider}/"
    return prefix + model.id.removeprefix(prefix)


def others(
    purpose: Purpose,
    wanted: Wanted,
    ready: Collection[str] = (),
    *,
    provider: str | None = None,
    apart: str = "",
) -> list[Capabilities]:
    """Models that are known to do what is wanted, `apart` from one: `provider`'s own, that of another host,
    which is `ready` if one is, and the embedded one.
    """
    best: dict[str, Capabilities] = {}
    for model in sorted(_able(purpose, wanted), key=lambda each: _rank(each, purpose, wanted)):
        if model.id != apart:
            best.setdefault(model.provider or "", model)
    order = [*HOSTS]
    hosts = sorted(best.keys() - {LOCAL, provider}, key=lambda name: (name not in ready, order.index(name)))
    usual = [name for name in hosts if name in ready or _is_usual(best[name])]
    named = [provider, *(usual or hosts)[:1], LOCAL]
    return [best[name] for name in dict.fromkeys(named) if name in best]


def _is_usual(model: Capabilities) -> bool:
    """Whether it is one of those that are asked without being named."""
    return _place(model) is not None


def _place(model: Capabilities) -> int | None:
    host = HOSTS.get(model.provider or "")
    chosen = host.models if host else ()
    name = model.id.removeprefix(f"{model.provider}/")
    return chosen.index(name) if name in chosen else None


def _able(purpose: Purpose, wanted: Wanted) -> Iterator[Capabilities]:
    return (model for model in Table().models() if _is_asked(model) and _can(model, purpose, wanted))


def _is_asked(model: Capabilities) -> bool:
    return model.provider == LOCAL or model.provider in HOSTS


def _can(model: Capabilities, purpose: Purpose, wanted: Wanted) -> bool:
    """Whether it is known to do all that is wanted: what may be so is no advice."""
    penalty = PENALTIES[purpose](model, wanted)
    return penalty is not None and penalty < _LACKS


def _rank(model: Capabilities, purpose: Purpose, wanted: Wanted) -> tuple[int, int, int, str]:
    """Lower is better: less is wrong with it, it is one of those that are chosen, its name is plain."""
    place = _place(model)
    return (
        PENALTIES[purpose](model, wanted) or 0,
        MANY if place is None else place,
        len(model.id),
        model.id,
    )


PENALTIES: Mapping[Purpose, Callable[[Capabilities, Wanted], int | None]] = {
    "chat": chat_penalty,
    "transcription": transcript_penalty,
}
