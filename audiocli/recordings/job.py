"""The unit of work: an input and options go in, a transcript comes out.

A job, and all that comes of it, is made of plain values, which can be pickled and sent to another machine.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from audiocli.chat import Usage
from audiocli.transcript import Segment, Timing, Transcript


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Everything besides the sound that decides what its transcript is.

    `model` and `base_url` are as the command line takes them. `start` and `end` (seconds) bound what is heard
    of the input. `timed` asks for times good enough for subtitles, `words` for those of each word. `force`
    asks for what the model is known not to do. `temperature` is sent to the model as it is.
    """

    model: str | None = None
    base_url: str | None = None
    language: str | None = None
    prompt: str | None = None
    words: bool = False
    speakers: bool = False
    timed: bool = False
    start: float = 0.0
    end: float | None = None
    force: bool = False
    temperature: float | None = None


@dataclass(frozen=True)
class PieceDone:
    """A piece of the input is written down; the times of `segments` count from the start of the input.

    `start` and `end` (seconds) say which piece, `dollars` what it cost, as far as that is known.
    """

    start: float
    end: float
    segments: tuple[Segment, ...]
    timing: Timing
    language: str | None = None
    usage: Usage | None = None
    dollars: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A file's absolute path, or an http(s) address, to be written down.

    Of `done` pieces, which an earlier run has left, nothing is asked again.
    """

    input: str
    options: JobOptions
    done: tuple[PieceDone, ...] = ()


@dataclass(frozen=True)
class Begun:
    """The input is found usable: `seconds` of sound are to be heard, by `model` as its provider names it.

    `notes` are sentences about its name; those about what is in it come with the transcript, which may be
    that of another file too. An earlier run has heard `done` seconds of it.
    """

    seconds: float
    model: str
    notes: tuple[str, ...] = ()
    done: float = 0.0


@dataclass(frozen=True)
class Heard:
    """More of the text, provisional, and told only in the order of the sound. Put together as it is.

    `paragraph` says that it begins one, where it could be told.
    """

    text: str
    paragraph: bool = False


JobEvent = Begun | Heard | PieceDone | Transcript


class Executor(Protocol):
    """Runs jobs: here, or where a cluster has them run.

    `run` yields one `Begun`, then what happens, and ends with one `Transcript`, whose times count from the
    start of the input. It raises `AudiocliError`, and has told of every piece that was done before that: what
    is told is paid for, and can be kept. Closing it early ends the job.
    """

    def run(self, job: Job) -> AsyncGenerator[JobEvent, None]: ...
