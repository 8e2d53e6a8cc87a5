"""What a run would do, and what that would cost; nothing is sent."""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from audiocli.catalog import Capabilities
from audiocli.catalog.dates import today
from audiocli.cli.render import describe_dollars
from audiocli.cli.transcribe.planning import Plan, wanted
from audiocli.cli.transcribe.recordings import Recording
from audiocli.cli.transcribe.results import describe_length
from audiocli.cli.wording import in_options
from audiocli.cli.world import World
from audiocli.errors import AudiocliError
from audiocli.files import is_special
from audiocli.printable import escaped
from audiocli.providers.registry import address, destination
from audiocli.providers.suiting import check_suits
from audiocli.providers.target import Target
from audiocli.recordings.claiming import claimed
from audiocli.recordings.job import JobOptions
from audiocli.recordings.remembering.journal import Journal
from audiocli.recordings.writing import check_writable


def forecast(world: World, plan: Plan) -> int:
    """Show what the plan comes to; returns the exit code. Files are looked into, nothing else is read."""
    if not plan.options.force:
        check_suits(plan.target.capabilities, wanted(plan.options), plan.target.ready)
    journal = Journal(str(plan.settings.state_dir), plan.target.name)
    pairs = zip(plan.recordings, plan.paths, strict=True)
    items = [_item(recording, path, plan, journal) for recording, path in pairs]
    seconds = sum(item["duration_s"] or 0 for item in items)
    dollars = _dollars(plan.target, [item["duration_s"] or 0 for item in items])
    document = {
        "schema": 1,
        "model": plan.target.name,
        "url": address(plan.target, "transcription"),
        "items": items,
        "duration_s": round(seconds, 3),
        "cost_usd": dollars,
    }
    world.answer(escaped(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")
    if not world.quiet:
        world.say(f"audiocli: would be sent to {destination(plan.target, 'transcription')}")
        unknown = sum(item["duration_s"] is None for item in items)
        more = f", and {unknown} of unknown length" if unknown else ""
        world.say(f"audiocli: {describe_length(seconds)} of sound{more}: {_price(dollars)}")
    return 0


def _item(recording: Recording, path: str | None, plan: Plan, journal: Journal) -> dict[str, Any]:
    seconds, problem = None, _in_the_way(recording, path, plan, journal)
    if os.path.isfile(recording.input):
        try:
            seconds = _seconds(recording.input, plan.options)
        except AudiocliError as error:
            problem = recording.named(in_options(error).message)
    elif os.path.isabs(recording.input) and not os.path.lexists(recording.input):
        problem = "there is no such file"
    return {"input": recording.name, "output": path, "duration_s": seconds, "problem": problem}


def _in_the_way(recording: Recording, path: str | None, plan: Plan, journal: Journal) -> str | None:
    """Why the transcript would not be written."""
    try:
        if path is not None and not is_special(path):
            check_writable(path, claimed(path, plan.replaces, journal, recording.input))
    except AudiocliError as error:
        return recording.named(str(in_options(error)))
    return None


def _seconds(path: str, options: JobOptions) -> float:
    """How much of the file at `path` would be heard. Raises `InputError`."""
    from audiocli.audio.reading.recorded import examine
    from audiocli.audio.reading.source import open_input

    duration = examine(open_input(path, sys.maxsize), path).duration
    end = duration if options.end is None else min(options.end, duration)
    return round(max(0.0, end - options.start), 3)


def _dollars(target: Target, lengths: Iterable[float]) -> float | None:
    """What it costs to send recordings of so many seconds, about; `None` if that is not known."""
    known = (target.capabilities or Capabilities(id=target.model)).as_of(today())
    costs = [known.heard_for(seconds) for seconds in lengths]
    return None if None in costs else round(sum(filter(None, costs)), 6)


def _price(dollars: float | None) -> str:
    if dollars is None:
        return "its cost is not known"
    return f"costs about {describe_dollars(dollars)}" if dollars else "costs nothing"
