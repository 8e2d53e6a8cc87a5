"""Whether a chat model's answer can be what is said in a recording: rules of thumb, each with its bound.

A model that is asked to write down may do something else: it answers the question that it hears, says that it
cannot, or repeats itself without end. That is judged by how much text there is for the seconds of sound, and
by its shape. Neither proves anything, so whatever may be speech passes; what only wraps a transcript is taken
off, and said in a note.
"""

import re
import zlib
from dataclasses import dataclass

from audiocli.errors import ReplyError
from audiocli.printable import one_line

MOST_WORDS_PER_SECOND = 8.0
"""The fastest speakers on record reach 10 for seconds; fast talk is 4."""

FEWEST_WORDS_PER_SECOND = 0.75
"""Below this a sentence takes up so little of the sound that it may as well be the model's own."""

SPARE_WORDS = 20  # A short clip may be cut in the middle of a fast word.
LONGEST_REFUSAL_WORDS = 60
LOOP_CHARACTERS = 600
LOOP_RATIO = 5.0
"""Speech shrinks to a half, a chorus to a quarter, a sentence ten times over to less than an eighth."""

FENCED = "code fences are taken off the transcript"
INTRODUCED = "an introduction is taken off the transcript"
QUOTED = "quotation marks are taken off the transcript"
STAMPED = "times that the model made up are taken off the transcript"
DOUBTFUL = "the transcript reads like a refusal of the model"
SILENT = "the model heard no speech"

_FENCE = re.compile(r"\A```[^\n`]*\n(.*?)\n?```\Z", re.DOTALL)
_INTRODUCTION = re.compile(
    r"\A(?:sure|certainly|of course|absolutely|okay|ok|here.s|here is|below is|the following is|this is)\b"
    r"[^:\n]{0,80}\b(?:transcri\w+|verbatim)\b[^:\n]{0,60}:\s*",
    re.IGNORECASE,
)
_HEADING = re.compile(r"\A(?:[#*_ ]*)(?:transcript(?:ion)?)(?:[*_ ]*):[*_ ]*\s*", re.IGNORECASE)
_STAMP = re.compile(
    r"^[\[(]?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s*-+>?\s*[\d:.,]+)?[\])]?:?\s+", re.MULTILINE
)
_NO_SPEECH = re.compile(
    r"\A[\[(*_\s]*(?:silence|no (?:audible )?speech|inaudible|music|noise|nothing is said)[\])*_\s.]*\Z", re.I
)
_UNABLE = r"(?:cannot|can't|can not|unable|not able|don't have the ability)"
_REFUSAL = re.compile(
    r"\A(?:(?:(?:i'm|i am)? ?(?:very |so )?sorry|i apologi[sz]e|apologies|unfortunately|as an ai)\b.{0,100}?"
    rf"|i(?:'m| am)? ){_UNABLE}\b",
    re.IGNORECASE | re.DOTALL,
)
_OF_THE_TASK = re.compile(
    r"transcri|as an ai\b|language model|audio (?:file|input|clip|content)"
    r"|(?:process|listen to|access) (?:the |this )?audio",
    re.IGNORECASE,
)
_OF_A_TASK = re.compile(
    r"\b(?:help|assist|comply|fulfil|provide|identify|listen|process|hear (?:any|the|this))", re.IGNORECASE
)
_MARKDOWN = re.compile(r"^(?:#{1,6} |[-*] +\*\*|\d+\. +\*\*|\|.*\|$|```)", re.MULTILINE)
_MARKDOWN_LINES = 2
_WIDE = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts without spaces, about


@dataclass(frozen=True)
class Spoken:
    """What was said, and what had to be taken off it."""

    text: str
    notes: tuple[str, ...] = ()


def spoken(answer: str, seconds: float) -> Spoken:
    """What `answer` says was said in so many `seconds`. Raises `ReplyError` where it cannot be that."""
    text = answer.strip()
    if _NO_SPEECH.match(text):
        return Spoken("", (SILENT,))
    text, notes = _unwrapped(text)
    if not text:
        raise _not_that("the model wrote nothing down", answer)
    _check_shape(text, answer)
    if count_words(text) > MOST_WORDS_PER_SECOND * seconds + SPARE_WORDS:
        raise _not_that(f"the model wrote more than can be said in {seconds:.0f} s", answer)
    if _refuses(text, seconds):
        raise _not_that("the model refuses to write down what is said", answer)
    return Spoken(text, (*notes, DOUBTFUL) if _may_refuse(text) else notes)


def count_words(text: str) -> float:
    """Words, of which two characters make one where a script has no spaces."""
    wide = len(_WIDE.findall(text))
    return len(_WIDE.sub(" ", text).split()) + wide / 2


def longest_answer(seconds: float) -> int:
    """Characters beyond which no answer needs to be read: it is none."""
    return 2000 + int(100 * seconds)


def _unwrapped(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without what is around the transcript, and notes of what that was."""
    notes: list[str] = []
    for pattern, kept, note in (
        (_INTRODUCTION, "", INTRODUCED),
        (_HEADING, "", INTRODUCED),
        (_FENCE, r"\1", FENCED),
    ):
        bare = pattern.sub(kept, text, count=1).strip()
        if bare != text:
            text, notes = bare, [*notes, note]
    if _is_quoted(text):
        text, notes = text[1:-1].strip(), [*notes, QUOTED]
    if _is_stamped(text):
        text, notes = _STAMP.sub("", text), [*notes, STAMPED]
    return text, tuple(dict.fromkeys(notes))


def _is_quoted(text: str) -> bool:
    marks = {'"': '"', "“": "”", "«": "»", "„": "“"}
    end = marks.get(text[:1])
    return end is not None and len(text) > 2 and text.endswith(end) and end not in text[1:-1]


def _is_stamped(text: str) -> bool:
    """Whether every line begins with a time. In a single line, a time may be what is said."""
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 1 and all(_STAMP.match(line) for line in lines)


def _check_shape(text: str, answer: str) -> None:
    if len(_MARKDOWN.findall(text)) >= _MARKDOWN_LINES:
        raise _not_that("the model answered in place of writing down", answer)
    tail = text[-LOOP_CHARACTERS:].encode()
    if len(text) >= LOOP_CHARACTERS and len(tail) / len(zlib.compress(tail)) > LOOP_RATIO:
        raise _not_that("the model repeated itself without end", text[-LOOP_CHARACTERS:])


def _may_refuse(text: str) -> bool:
    told = text.replace("\u2019", "'")
    about_itself = _OF_THE_TASK.search(told) or _OF_A_TASK.search(told)
    return bool(about_itself and count_words(told) <= LONGEST_REFUSAL_WORDS and _REFUSAL.match(told))


def _refuses(text: str, seconds: float) -> bool:
    """Whether the model speaks for itself.

    People are sorry too, but hardly about transcribing; and what they say fills more of the sound.
    """
    sparse = count_words(text) < FEWEST_WORDS_PER_SECOND * seconds
    return _may_refuse(text) and (sparse or _OF_THE_TASK.search(text) is not None)


def _not_that(problem: str, answer: str) -> ReplyError:
    said = f": “{one_line(answer, 80)}”" if answer.strip() else ""
    return ReplyError(f"{problem}{said}", hint="try again, or use a transcription model")
