"""What shall be transcribed, by whom, and where to: known before anything is read or sent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audiocli.catalog.dates import today
from audiocli.cli.forms import Format, format_of
from audiocli.cli.models import find_model
from audiocli.cli.options import parse_time
from audiocli.cli.transcribe.options import TranscribeOptions
from audiocli.cli.transcribe.recordings import STDIN, Recording, find_recordings
from audiocli.cli.transcribe.written import (
    STDOUT,
    are_derived,
    check_folders_writable,
    check_writable_as_named,
    destinations,
)
from audiocli.cli.world import World, is_terminal
from audiocli.config import Config
from audiocli.config import load as load_config
from audiocli.errors import OutputError, UsageError
from audiocli.printable import quoted
from audiocli.prompts import check_prompt
from audiocli.providers.suiting import Wanted
from audiocli.providers.target import Target
from audiocli.recordings.claiming import Replaces
from audiocli.recordings.job import JobOptions
from audiocli.subtitles.cues import BROADCAST, CueLimits


@dataclass(frozen=True)
class Plan:
    """What shall be done: which recordings are heard by whom, and where each transcript goes.

    A path of `None` is stdout. `several` says that the results are shown as those of a run, `replaces` what
    the files may take the place of.
    """

    recordings: tuple[Recording, ...]
    paths: tuple[str | None, ...]
    several: bool
    replaces: Replaces
    format: Format
    limits: CueLimits
    options: JobOptions
    settings: Config
    target: Target


def planned(world: World, chosen: TranscribeOptions) -> Plan:
    """What the command line asks for. What can be wrong with it before a recording is read is told now."""
    _check(world, chosen)
    format = format_of(chosen.output, chosen.format)
    limits = _cue_limits(chosen, format)
    options = _job_options(chosen, format)
    found = find_recordings(chosen.names, recursive=chosen.recursive, output=chosen.output, note=world.note)
    if found.several and chosen.output == STDOUT:
        raise UsageError("several transcripts do not go to stdout", hint="name a folder with --output")
    paths = destinations(found, chosen.output, format, world.note)
    derived = are_derived(found, chosen.output)
    _check_paths(chosen, paths, format, derived=derived)
    settings = load_config(world.environ, Path(chosen.config) if chosen.config else None)
    target = find_model(
        settings,
        options.model,
        options.base_url,
        "transcription",
        wanted(options),
        force=options.force,
    )
    replaces = _replaces(chosen, derived=derived)
    return Plan(
        found.recordings, tuple(paths), found.several, replaces, format, limits, options, settings, target
    )


def _replaces(chosen: TranscribeOptions, *, derived: bool) -> Replaces:
    if chosen.no_clobber:
        return "nothing"
    if not derived:
        return "target"
    return "any" if chosen.overwrite else "own"


def _check(world: World, chosen: TranscribeOptions) -> None:
    """Contradictions that the command line alone shows."""
    if chosen.timeout is not None and not chosen.timeout > 0:
        raise UsageError("--timeout must be more than 0 seconds")
    if chosen.names.count(STDIN) > 1:
        raise UsageError("stdin can be read only once", hint="use - in one place")
    if STDIN in chosen.names and is_terminal(world.stdin):
        raise UsageError("audio is not read from a terminal", hint="pipe it in, or name a file")
    if world.stdout is None:
        raise OutputError("stdout is closed", hint="redirect it to a file or to /dev/null")


def _check_paths(
    chosen: TranscribeOptions, paths: Sequence[str | None], format: Format, *, derived: bool
) -> None:
    files = [path for path in paths if path is not None]
    if len(files) == 1 and (chosen.no_clobber or not derived):
        check_writable_as_named(files[0], clobber=not chosen.no_clobber)
    elif files:
        check_folders_writable(files)
    elif chosen.no_clobber or chosen.overwrite:
        raise UsageError("there is no file to write", hint="name one with --output")
    elif chosen.for_programs and format not in ("text", "json"):
        raise UsageError(f"stdout cannot carry both {format} and JSON", hint="name a file with --output")


def _cue_limits(chosen: TranscribeOptions, format: Format) -> CueLimits:
    given = {"columns": chosen.max_line_length, "lines": chosen.max_lines, "seconds": chosen.max_cue}
    limits = {name: value for name, value in given.items() if value is not None}
    if limits and format not in ("srt", "vtt"):
        option = {"columns": "--max-line-length", "lines": "--max-lines", "seconds": "--max-cue"}
        raise UsageError(f"{option[next(iter(limits))]} is for subtitles", hint="use --format srt or vtt")
    return replace(BROADCAST, **limits)  # type: ignore[arg-type] # each is its own


def _job_options(chosen: TranscribeOptions, format: Format) -> JobOptions:
    check_prompt(chosen.prompt, "--prompt")
    start = parse_time(chosen.start) if chosen.start is not None else 0.0
    end = parse_time(chosen.end) if chosen.end is not None else None
    if end is not None and end <= start:
        raise UsageError(f"--start {chosen.start or 0} is not before --end {chosen.end}", hint="swap them")
    if chosen.language is not None and not re.fullmatch(
        r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", chosen.language
    ):
        raise UsageError(f"{quoted(chosen.language)} is not a language's code", hint="write it as en or de")
    return JobOptions(
        model=chosen.model,
        base_url=chosen.base_url,
        language=chosen.language,
        prompt=chosen.prompt,
        words=chosen.words,
        speakers=chosen.speakers,
        timed=format != "text",
        start=start,
        end=end,
        force=chosen.force,
    )


def wanted(options: JobOptions) -> Wanted:
    return Wanted(
        words=options.words,
        timed=options.timed,
        speakers=options.speakers,
        prompt=options.prompt is not None,
        today=today(),
    )
