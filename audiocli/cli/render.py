"""How an answer looks while it comes, and what is said about it afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from audiocli.audio.recording import PcmFormat, Recording
from audiocli.catalog.dates import today
from audiocli.chat import PCM_BYTES_PER_SECOND, AudioDelta, Event, Finished, TextDelta, TranscriptDelta, Usage
from audiocli.cli.progress import DownloadBar, Progress
from audiocli.cli.world import World, is_terminal
from audiocli.cli.wrapping import Wrapping
from audiocli.client import Answer, Cost, cost
from audiocli.errors import OutputError
from audiocli.printable import printable
from audiocli.providers.target import Target
from audiocli.wire.openai.chat import OUTPUT_AUDIO_TOKEN_SECONDS


class Download:
    """Tells of large things that are fetched once: in a bar where somebody watches, else in a line."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._what = ""
        self._bar: DownloadBar | None = None
        self._shown = ExitStack()

    def show(self, what: str, done: int, total: int) -> None:
        """`done` bytes of `total` are there of `what`, such as `the embedded model (93 MB)`."""
        if what != self._what:
            self._what = what
            self._shown.close()
            self._world.note(f"fetching {what}, once")
            self._bar = self._shown.enter_context(self._begun(total))
        if self._bar is not None:
            self._bar.advance(done)
        if done >= total:
            self._shown.close()

    @contextmanager
    def _begun(self, total: int) -> Iterator[DownloadBar | None]:
        """A bar in place of what else moves. Left alone, it is the world's to take away."""
        if not watched(self._world) or self._world.stderr is None:
            yield None
            return
        before = self._world.progress
        with before.paused():
            coloured = self._world.is_coloured(self._world.stderr)
            self._world.progress = bar = DownloadBar(self._world.stderr, total, coloured=coloured)
            yield bar
            bar.hide()
            self._world.progress = before


def watched(world: World) -> bool:
    """Whether movement makes sense: somebody looks at a terminal that can redraw a line, and wants it."""
    return is_terminal(world.stderr) and world.environ.get("TERM") != "dumb" and not world.quiet


class Screen:
    """Prints the words of an answer as they come, and counts its sound beside them.

    `write` takes the words. `progress` shows that the answer is waited for, and `meter` counts its sound once
    there are words: what can do so depends on where they are. `wrapping` breaks lines, on a terminal. If it
    `outlives` its reader, an answer goes on without one, since its sound is wanted, and `close` raises what
    went wrong.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        progress: Progress,
        meter: Progress,
        *,
        outlives: bool,
        wrapping: Wrapping | None = None,
    ) -> None:
        self._write = write
        self._progress = progress
        self._meter = meter
        self._outlives = outlives
        self._wrapping = wrapping
        self._failure: BaseException | None = None
        self._counter = progress
        self._line_is_open = False
        self._bytes = 0

    def show(self, event: Event) -> None:
        match event:
            case TextDelta(text) | TranscriptDelta(text):
                self._hide()
                self._counter = self._meter
                self._print(printable(text))
            case AudioDelta(data):
                self._bytes += len(data)
                self._counter.show(f"{describe_seconds(self._bytes / PCM_BYTES_PER_SECOND)} of sound")
            case Finished():
                self._hide()

    def abandon(self) -> None:
        """End the line of an answer that did not come to its end."""
        with suppress(OutputError, BrokenPipeError):
            self._end_line()

    def close(self) -> None:
        """End the line. Raises what kept words from being shown."""
        self._end_line()
        if self._failure is not None:
            raise self._failure

    def _hide(self) -> None:
        self._progress.hide()
        self._meter.hide()

    def _end_line(self) -> None:
        self._hide()
        if self._line_is_open:
            self._print("\n")

    def _print(self, text: str) -> None:
        if self._failure is not None or not text:
            return
        try:
            self._write(self._wrapping.feed(text) if self._wrapping else text)
            self._line_is_open = not text.endswith("\n")
        except (OutputError, BrokenPipeError) as error:
            if not self._outlives:
                raise
            self._failure = error


def describe_recording(recording: Recording, usage: Usage | None, dollars: float | None) -> str:
    """`dog.wav 4.2 s, 24 kHz mono · $0.011`."""
    parts = [recording.path]
    if (seconds := seconds_of(recording, usage)) is not None:
        parts.append(f" {describe_seconds(seconds)}")
    if recording.pcm:
        parts.append(f", {_describe_pcm(recording.pcm)}")
    if dollars:
        parts.append(f" · {describe_dollars(dollars)}")
    return "".join(parts)


def seconds_of(recording: Recording, usage: Usage | None) -> float | None:
    """A recording's length; where it was not decoded, by the tokens that the service counted."""
    if recording.duration is None and usage is not None and usage.output_audio_tokens:
        return usage.output_audio_tokens * OUTPUT_AUDIO_TOKEN_SECONDS
    return recording.duration


def _describe_pcm(pcm: PcmFormat) -> str:
    names = {1: "mono", 2: "stereo"}
    return f"{pcm.rate / 1000:g} kHz {names.get(pcm.channels, f'{pcm.channels} channels')}"


def describe_seconds(seconds: float) -> str:
    return f"{seconds + 1e-6:.1f} s"  # 0.95, however it was computed, is 1.0


def describe_dollars(dollars: float) -> str:
    if dollars < 0.001:
        return "<$0.001"
    return f"${dollars:.3f}" if dollars < 1 else f"${dollars:.2f}"


def describe_estimate(expected: Cost | None, *, spoken: bool) -> str:
    """What sending costs, about, and a minute of answer, if it is `spoken`."""
    if expected is None:
        return "its cost is not known"
    if not expected.total:
        return "costs nothing"
    sending = f"costs about {describe_dollars(expected.total)} to send"
    if not spoken or not expected.per_minute:
        return sending
    return f"{sending}, and {describe_dollars(expected.per_minute)} for each minute of answer"


def describe_usage(answer: Answer, dollars: float | None) -> str:
    """Tokens, seconds of sound and cost, on one line."""
    usage = answer.finished.usage
    if usage is None:
        return "usage: the service did not say"
    sound = usage.output_audio_tokens * OUTPUT_AUDIO_TOKEN_SECONDS
    price = "cost unknown" if dollars is None else describe_dollars(dollars) if dollars else "free"
    return (
        f"usage: {usage.input_tokens} tokens in ({usage.input_audio_tokens} audio), "
        f"{usage.output_tokens} out ({usage.output_audio_tokens} audio, {describe_seconds(sound)}) · {price}"
    )


def describe_timings(answer: Answer) -> str:
    """When the first word and the first sound came, and when all was there."""
    timings = answer.timings
    named = {
        "first word": timings.first_text,
        "first sound": timings.first_audio,
        "whole answer": timings.total,
    }
    return ", ".join(
        f"{name} after {seconds:.2f} s" for name, seconds in named.items() if seconds is not None
    )


def answer_document(answer: Answer, target: Target, notes: Sequence[str]) -> dict[str, Any]:
    """The answer as `--json` prints it, with what there was to note."""
    finished, usage = answer.finished, answer.finished.usage
    return {
        "schema": 1,
        "id": finished.id,
        "model": finished.model or target.model,
        "provider": target.provider,
        "transcript": answer.text,
        "finish_reason": finished.finish_reason,
        "audio": _audio_document(answer),
        "usage": _usage_document(usage, target),
        "notes": list(notes),
        "timings": {
            "first_text_s": _rounded(answer.timings.first_text),
            "first_audio_s": _rounded(answer.timings.first_audio),
            "total_s": _rounded(answer.timings.total),
        },
    }


def _audio_document(answer: Answer) -> dict[str, Any] | None:
    recording, finished = answer.recording, answer.finished
    if recording is None:
        return None
    return {
        "path": recording.path,
        "format": recording.format,
        "duration_s": _rounded(seconds_of(recording, finished.usage)),
        "sample_rate": recording.pcm.rate if recording.pcm else None,
        "channels": recording.pcm.channels if recording.pcm else None,
        "id": finished.audio_id,
        "expires_at": finished.expires_at,
    }


def _usage_document(usage: Usage | None, target: Target) -> dict[str, Any] | None:
    if usage is None:
        return None
    counted = {name: value for name, value in vars(usage).items() if name != "cost"}
    return counted | {"cost_usd": cost(usage, target.prices_on(today()))}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
