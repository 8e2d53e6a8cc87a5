"""What became of each recording: as words, and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audiocli.chat import Usage
from audiocli.cli.render import describe_dollars
from audiocli.cli.transcribe.recordings import Recording
from audiocli.cli.wording import in_options
from audiocli.printable import one_line
from audiocli.recordings.archive import Outcome
from audiocli.subtitles.captions import transcript_to_json
from audiocli.transcript import Transcript

SOME_FAILED = 9  # the exit code

TIMES = "\N{MULTIPLICATION SIGN}"
COLUMNS = ("RECORDING", "LENGTH", "WORDS", "SPEED", "COST", "RESULT")
LONGEST_REASON = 300


@dataclass(frozen=True)
class Result:
    """What became of one recording. Its transcript is in the file `output`; `None` is stdout."""

    recording: Recording
    output: str | None
    outcome: Outcome

    @property
    def words(self) -> str:
        """What came of it, or why nothing did."""
        outcome = self.outcome
        told = outcome.reason or self.output or outcome.status
        if outcome.error is not None:
            told = f"failed: {outcome.reason or outcome.error}"
        elif outcome.status == "skipped":
            told = f"skipped: {told}"
        elif outcome.reason:
            told = f"{self.output} ({told})"
        return one_line(told, LONGEST_REASON)


def result_of(recording: Recording, output: str | None, outcome: Outcome) -> Result:
    """An outcome, in whose words the recording has the name that the user gave it."""
    error = outcome.error
    if error is not None:
        error.message = recording.named(in_options(error).message)
        error.args = (error.message,)
    notes = tuple(recording.named(note) for note in outcome.notes)
    return Result(recording, output, replace(outcome, notes=notes))


def notes_of(result: Result) -> list[str]:
    """What may surprise, as sentences that name the recording."""
    name = one_line(result.recording.name)
    return [note if name in note else f"{name}: {note}" for note in result.outcome.notes]


def described(result: Result) -> str:
    """`talk.mp3: talk.srt, 1:02:03, 9,120 words, 55 x real time, $0.37`."""
    name, length, words, speed, price, told = row(result)
    parts = told, length, words and f"{words} words", speed and f"{speed} real time", price
    return f"{name}: {', '.join(part for part in parts if part)}"


def row(result: Result) -> tuple[str, ...]:
    """What stands below each of `COLUMNS`."""
    outcome = result.outcome
    return (
        one_line(result.recording.name),
        describe_length(outcome.seconds) if outcome.seconds is not None else "",
        f"{outcome.words:,}" if outcome.words is not None else "",
        describe_speed(outcome.seconds, outcome.elapsed) if outcome.seconds and outcome.elapsed else "",
        describe_dollars(outcome.dollars) if outcome.dollars else "",
        result.words,
    )


def summary(results: Sequence[Result]) -> str:
    """`118 done, 3 skipped, 1 failed`, what it cost, and how to go on."""
    counts = [f"{number} {status}" for status, number in count(results).items() if number or status == "done"]
    dollars = total_dollars(results)
    price = f" \N{MIDDLE DOT} {describe_dollars(dollars)}" if dollars else ""
    failed = any(result.outcome.error for result in results)
    return ", ".join(counts) + price + ("; --resume tries what failed again" if failed else "")


def count(results: Iterable[Result]) -> dict[str, int]:
    counts: dict[str, int] = {"done": 0, "skipped": 0, "failed": 0}
    for result in results:
        counts[result.outcome.status] += 1
    return counts


def count_words(transcript: Transcript) -> int:
    return sum(len(segment.text.split()) for segment in transcript.segments)


def describe_length(seconds: float) -> str:
    """`4.2 s`, `12:05` or `1:02:03`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def describe_speed(seconds: float, elapsed: float) -> str:
    """How many seconds of sound in one of work: `0.8 x`, `55 x`, with a multiplication sign."""
    ratio = seconds / max(elapsed, 0.001)
    return f"{ratio:.1f} {TIMES}" if ratio < 10 else f"{ratio:,.0f} {TIMES}"


def describe_usage(usage: Usage, results: Sequence[Result]) -> str:
    """Sound, tokens and cost of a run, on one line."""
    seconds = sum(result.outcome.seconds or 0 for result in results if result.outcome.status == "done")
    dollars = total_dollars(results)
    price = "cost unknown" if dollars is None else describe_dollars(dollars) if dollars else "free"
    tokens = f", {usage.input_tokens} tokens in, {usage.output_tokens} out" if usage.input_tokens else ""
    return f"usage: {describe_length(seconds)} of sound{tokens} \N{MIDDLE DOT} {price}"


def total_dollars(results: Iterable[Result]) -> float | None:
    """What all cost, as far as it is known; `None` where nothing is."""
    known = [result.outcome.dollars for result in results if result.outcome.dollars is not None]
    return sum(known) if known else None


def run_document(
    results: Sequence[Result], model: str, notes: Sequence[str], transcript: Transcript | None = None
) -> dict[str, Any]:
    """A whole run as `--json` prints it; with the `transcript` of its one recording, if that has no file."""
    return {
        "schema": 1,
        "model": model,
        "items": [item_document(result, transcript) for result in results],
        "summary": {**count(results), "cost_usd": _rounded(total_dollars(results), 6)},
        "notes": list(notes),
    }


def item_document(result: Result, transcript: Transcript | None = None) -> dict[str, Any]:
    """One recording; with its transcript, where that has no file of its own."""
    outcome = result.outcome
    document = {
        "input": result.recording.name,
        "status": outcome.status,
        "output": result.output,
        "duration_s": _rounded(outcome.seconds),
        "words": outcome.words,
        "elapsed_s": _rounded(outcome.elapsed),
        "cost_usd": _rounded(outcome.dollars, 6),
        "notes": list(outcome.notes),
        "reason": outcome.reason,
        "error": _error_document(outcome),
    }
    return document if transcript is None else {**document, "transcript": transcript_to_json(transcript)}


def _error_document(outcome: Outcome) -> dict[str, Any] | None:
    if (error := outcome.error) is None:
        return None
    return {
        "message": one_line(error.message, 1000),
        "hint": error.hint,
        "type": type(error).__name__,
        "exit_code": error.exit_code,
    }


def _rounded(value: float | None, places: int = 3) -> float | None:
    return None if value is None else round(value, places)
