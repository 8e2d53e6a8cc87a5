"""Use cases, for the command line and for the library: compose a question, ask it, say what it cost."""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from audiocli.audio.formats import Format
from audiocli.audio.recording import Recorder, Recording
from audiocli.catalog import Capabilities, Prices
from audiocli.catalog.facts import TOKENS
from audiocli.chat import (
    AudioDelta,
    AudioOutput,
    AudioPart,
    ChatRequest,
    Event,
    Extra,
    Finished,
    Message,
    Part,
    TextDelta,
    TextPart,
    TranscriptDelta,
    Usage,
)
from audiocli.errors import AudiocliError, CapabilityError, OutputError, RejectedError, ReplyError, UsageError
from audiocli.nearness import did_you_mean
from audiocli.printable import one_line, printable, quoted
from audiocli.prompts import check_prompt, check_utf8
from audiocli.providers.base import Provider
from audiocli.providers.suiting import Wanted, instead
from audiocli.providers.target import Target
from audiocli.wire.openai.chat import STREAM_FORMAT

DEFAULT_VOICE = "alloy"
CHARACTERS_PER_TOKEN = 4  # of English text, about

# What a service is asked for, so that a recording needs no conversion where it does not stream.
_WIRE_FORMATS: dict[Format, str] = {
    "mp3": "mp3",
    "flac": "flac",
    "opus": "opus",
    "ogg": "opus",
    "pcm": "pcm16",
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a user asks, and how it shall be answered.

    `output` is the format of the recording that is wanted, `None` where no sound is. `stream` asks for the
    answer while it is made; `None` leaves that to what the model can do. `force` asks for what the model is
    known not to do: the service has the last word.
    """

    prompt: str = ""
    audio: tuple[AudioPart, ...] = ()
    system: str | None = None
    output: Format | None = None
    text_only: bool = False
    voice: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    force: bool = False


def compose(question: Question, target: Target, *, today: str = "") -> ChatRequest:
    """The request that puts `question` to `target` on the ISO date `today`, if that is given.

    Raises `UsageError` for a question that contradicts itself, `CapabilityError` for what the model is known
    not to do: nothing is sent that would be paid for in vain.
    """
    known = target.capabilities or Capabilities(id=target.model)
    _check(question)
    if not question.force:
        _check_abilities(question, known, target, today)
    stream = known.streaming is not False if question.stream is None else question.stream
    voice = question.voice or (known.voices[0] if known.voices else DEFAULT_VOICE)
    parts: list[Part] = [TextPart(question.prompt)] if question.prompt else []
    messages = [Message("user", (*parts, *question.audio))]
    if question.system:
        messages.insert(0, Message("system", (TextPart(question.system),)))
    return ChatRequest(
        model=target.model,
        messages=tuple(messages),
        audio=AudioOutput(voice, _wire_format(question, stream)) if _speaks(question, known) else None,
        stream=stream,
        temperature=question.temperature,
        max_tokens=question.max_tokens,
        seed=question.seed,
    )


def _check(question: Question) -> None:
    check_prompt(question.prompt, "the prompt")
    check_prompt(question.system, "the system prompt")
    check_utf8(question.voice, "the voice's name")
    if not question.prompt and not question.audio:
        raise UsageError("there is nothing to ask", hint="give a prompt, or audio")
    if question.output and question.text_only:
        raise UsageError("an answer in text only has no sound to write", hint="leave out the output")


def wanted_of(question: Question, today: str) -> Wanted:
    """What a model has to do to answer `question`."""
    return Wanted(spoken=question.output is not None, heard=bool(question.audio), today=today)


def _check_abilities(question: Question, known: Capabilities, target: Target, today: str) -> None:
    def others(without: str = "") -> str:
        return instead(known, "chat", wanted_of(question, today), target.ready, without=without)

    if known.is_retired(today):
        raise CapabilityError(f"{known.id} was retired on {known.shutdown}", hint=others())
    if known.mode not in (None, "chat"):
        raise CapabilityError(f"{known.id} is a {known.mode} model, which does not chat", hint=others())
    if question.voice and known.voices and question.voice not in known.voices:
        raise CapabilityError(
            f"{known.id} has no voice {quoted(question.voice)}",
            hint=did_you_mean(question.voice, known.voices) or f"it has {', '.join(known.voices)}",
        )
    if question.audio and known.audio_input is False:
        raise CapabilityError(f"{known.id} does not take audio", hint=others())
    if question.output and known.audio_output is False:
        raise CapabilityError(f"{known.id} does not speak", hint=others("leave out the output"))
    if question.stream is False and known.needs_stream and _speaks(question, known):
        raise CapabilityError(f"{known.id} speaks only in a stream", hint="let it stream")
    _check_sizes(question, known)
    if question.text_only and known.needs_audio and not question.audio:
        raise CapabilityError(
            f"{known.id} answers a written question only aloud",
            hint="let it speak, or use a text model",
        )


def _check_sizes(question: Question, known: Capabilities) -> None:
    most = known.max_file_bytes
    if most is not None and any(part.source.size > most for part in question.audio):
        raise CapabilityError(
            f"{known.id} takes at most {most / 1e6:.3g} MB of audio", hint="send a shorter piece, or MP3"
        )


def _speaks(question: Question, known: Capabilities) -> bool:
    """Sound is asked for where it is wanted, and where the model answers in no other way."""
    return question.output is not None or (known.needs_audio and not question.audio)


def _wire_format(question: Question, stream: bool) -> str:
    return STREAM_FORMAT if stream else _WIRE_FORMATS.get(question.output or "wav", "wav")


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds from the question to the first word, the first sound, the end; `None` for what never came."""

    first_text: float | None
    first_audio: float | None
    total: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a question. `notes` are sentences about what may surprise in what was asked.

    `cost` is in US dollars, `None` if it is not known.
    """

    text: str
    recording: Recording | None
    finished: Finished
    timings: Timings
    notes: tuple[str, ...] = ()
    cost: float | None = None

    @property
    def usage(self) -> Usage | None:
        """What the service counted; `None` if it did not."""
        return self.finished.usage


class _Taking:
    """An answer while it comes."""

    def __init__(self, recorder: Recorder | None, show: Callable[[Event], None]) -> None:
        self._recorder = recorder
        self._show = show
        self._started = time.monotonic()
        self._first: dict[type[Event], float] = {}
        self._words: list[str] = []
        self._unwritten: OutputError | None = None
        self._finished = Finished()

    @property
    def text(self) -> str:
        """The words that have come."""
        return printable("".join(self._words))

    def take(self, event: Event) -> None:
        if isinstance(event, Extra):
            return
        self._first.setdefault(type(event), time.monotonic() - self._started)
        match event:
            case TextDelta(text) | TranscriptDelta(text):
                self._words.append(text)
            case AudioDelta(data):
                self._record(data)
            case Finished():
                self._finished = event
        self._show(event)

    def _record(self, data: bytes) -> None:
        if self._recorder is None or self._unwritten is not None:
            return
        try:
            self._recorder.write(data)
        except OutputError as error:
            # The words are paid for as well: they are still shown, and the error is raised after them.
            self._unwritten = error

    def end(self, request: ChatRequest) -> Answer:
        if self._unwritten is not None:
            raise self._unwritten
        text = self.text
        _check_end(self._finished, text, heard=AudioDelta in self._first, request=request)
        recording = self._recorder.finish() if self._recorder else None
        first_text = min(
            (self._first[kind] for kind in (TextDelta, TranscriptDelta) if kind in self._first), default=None
        )
        timings = Timings(
            first_text=first_text,
            first_audio=self._first.get(AudioDelta),
            total=time.monotonic() - self._started,
        )
        return Answer(text=text, recording=recording, finished=self._finished, timings=timings)


async def ask(
    provider: Provider,
    request: ChatRequest,
    *,
    recorder: Recorder | None = None,
    show: Callable[[Event], None] = lambda event: None,
) -> Answer:
    """Put `request` to `provider`. Each event is recorded first and shown then.

    Whatever ends it early, the sound that has come is kept, and the exception has a note that says where.
    Raises `RejectedError` for a refusal, `ReplyError` where an answer, or its sound, is missing, and what
    `provider`, `recorder` and `show` raise.
    """
    taking = _Taking(recorder, show)
    try:
        async with aclosing(provider.stream(request)) as events:
            async for event in events:
                taking.take(event)
        return taking.end(request)
    except BaseException as error:
        kept = recorder.abandon() if recorder is not None else None
        if kept:
            error.add_note(f"what was received is kept as {kept!r}")
        if isinstance(error, AudiocliError):
            error.transcript, error.kept = taking.text or None, kept
        raise


def _check_end(finished: Finished, text: str, *, heard: bool, request: ChatRequest) -> None:
    if finished.refusal:
        raise RejectedError(f"the model refuses: {one_line(finished.refusal)}", hint="ask in another way")
    if finished.finish_reason == "content_filter":
        raise RejectedError("the service's content filter stopped the answer", hint="ask in another way")
    if finished.finish_reason in ("tool_calls", "function_call"):
        raise ReplyError("the model called a tool in place of an answer", hint="ask without tools")
    if request.audio is not None and not heard:
        raise ReplyError("the answer has no audio in it", hint="try again, or leave out the output")
    if not heard and not text:
        raise ReplyError("the answer is empty", hint="try again")


@dataclass(frozen=True)
class Cost:
    """US dollars: what sending costs, and what each minute of a spoken answer does."""

    total: float
    per_minute: float | None = None


def cost(usage: Usage | None, prices: Prices, *, seconds: float = 0.0) -> float | None:
    """What `usage` costs in US dollars; `None` where a price, or the usage, is not known.

    `seconds` is how much sound was sent, for where the service did not count it.
    """
    if usage is None and not seconds:
        return None
    usage = usage or Usage()
    if usage.cost is not None:
        return usage.cost
    prices = prices.for_request(usage.input_tokens)
    length = usage.input_seconds or seconds
    heard = None if prices.second_in is None else prices.second_in * prices.billed_seconds(length)
    by_tokens = _by_tokens(usage, prices, heard)
    counted = usage.input_tokens or usage.output_tokens
    return by_tokens if not length or (counted and by_tokens is not None) else heard


def _by_tokens(usage: Usage, prices: Prices, heard: float | None) -> float | None:
    """What the tokens cost. Sound whose tokens have no price is billed by its seconds, beside the text."""
    cached_audio = usage.cached_audio_tokens
    cached_text = usage.cached_tokens - cached_audio
    spoken = usage.input_audio_tokens - cached_audio
    written = _dollars(
        (usage.input_tokens - usage.input_audio_tokens - cached_text, prices.text_in),
        # Whoever has no price for cached tokens bills them as the others.
        (cached_text, _first(prices.cached_text_in, prices.text_in)),
        (usage.output_tokens - usage.output_audio_tokens, prices.text_out),
        (usage.output_audio_tokens, prices.audio_out),
    )
    sound = _dollars(
        (spoken, prices.audio_in), (cached_audio, _first(prices.cached_audio_in, prices.audio_in))
    )
    if sound is None:
        sound = heard
    return None if written is None or sound is None else written + sound


def _first(price: float | None, otherwise: float | None) -> float | None:
    return otherwise if price is None else price


def speech_cost(usage: Usage, text: str, prices: Prices) -> float | None:
    """What reading `text` aloud costs: by its characters if that is the price, else by what was counted."""
    if prices.character_in is not None:
        return prices.character_in * len(text) / TOKENS
    return cost(usage, prices) if usage != Usage() else None


def estimate(question: Question, audio_seconds: float, known: Capabilities) -> Cost | None:
    """What `question` will cost, about, as far as that is known before it is sent; `None` without prices."""
    characters = len(question.prompt) + len(question.system or "")
    written = _dollars((characters / CHARACTERS_PER_TOKEN, known.prices.text_in))
    heard = known.heard_for(audio_seconds)
    if written is None or heard is None:
        return None
    return Cost(written + heard, known.output_per_minute)


def _dollars(*amounts: tuple[float, float | None]) -> float | None:
    """The sum of tokens times price per million; `None` where something was used whose price is not known."""
    if any(tokens and price is None for tokens, price in amounts):
        return None
    return sum(tokens * (price or 0) for tokens, price in amounts) / 1e6
