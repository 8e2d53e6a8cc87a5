"""Recordings go to a model, what is said in them to the terminal and to files."""

import gc
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from audiocli.catalog.dates import today
from audiocli.cli import render
from audiocli.cli.models import note_choice
from audiocli.cli.options import parse_size
from audiocli.cli.render import watched
from audiocli.cli.signals import run_until_signal
from audiocli.cli.transcribe import results
from audiocli.cli.transcribe.options import TranscribeOptions
from audiocli.cli.transcribe.planning import Plan, planned, wanted
from audiocli.cli.transcribe.recordings import Recording
from audiocli.cli.transcribe.results import Result, result_of
from audiocli.cli.transcribe.spooling import spooled
from audiocli.cli.transcribe.watching import Watch, watch_files, watch_words
from audiocli.cli.transcribe.written import encode, form_of
from audiocli.cli.wording import in_options
from audiocli.cli.world import World
from audiocli.errors import AudiocliError
from audiocli.files import is_special, open_special, unwritable, write_all
from audiocli.printable import escaped
from audiocli.providers.registry import place
from audiocli.providers.suiting import ending
from audiocli.recordings.archive import Item, Outcome, RunEvent, Told, transcribe_archive
from audiocli.recordings.connecting import connecting
from audiocli.recordings.executor import REQUESTS, LocalExecutor
from audiocli.recordings.job import Executor, JobEvent
from audiocli.recordings.remembering.journal import Journal
from audiocli.recordings.remembering.remembered import Tally, transcribe_one
from audiocli.recordings.writing import Form
from audiocli.transcript import Transcript

LONGEST_TABLE = 1000  # rows; beyond that nobody looks for anything but what failed


def transcribe(world: World, chosen: TranscribeOptions) -> int:
    """Do what `audiocli transcribe` was told; returns its exit code."""
    gc.freeze()  # What is imported stays.
    gc.enable()
    plan = planned(world, chosen)
    world.secret = plan.target.secret
    if chosen.dry_run:
        from audiocli.cli.transcribe.forecast import forecast

        return forecast(world, plan)
    _announce(world, plan)
    means = _means(world, chosen, plan)
    watch = _watch(world, chosen, plan)
    run = _Run(world, chosen, plan, means, watch)
    try:
        code = run_until_signal(run.carried_out())
    except BaseException as error:
        watch.abandon()
        if kept := _kept(plan, watch):
            error.add_note(kept)
        raise
    means.journal.prune()
    return code


@dataclass(frozen=True)
class _Means:
    """What runs jobs, and what remembers them."""

    executor: Executor
    journal: Journal


def _means(world: World, chosen: TranscribeOptions, plan: Plan) -> _Means:
    requests = max(REQUESTS, chosen.at_once)
    connect = cache(
        connecting(
            plan.settings,
            requests=requests,
            retries=chosen.retries,
            timeout=chosen.timeout,
            notify=world.note,
            progress=render.Download(world).show,
            today=today(),
        )
    )
    return _Means(
        LocalExecutor(connect, requests=requests, max_fetched=parse_size(chosen.max_input)),
        Journal(str(plan.settings.state_dir), connect(plan.options).name, partial(_note_unkept, world)),
    )


def _note_unkept(world: World, note: str) -> None:
    world.note(f"{note}, even with --resume")


def _announce(world: World, plan: Plan) -> None:
    target = plan.target
    note_choice(world, target, "transcription", wanted(plan.options))
    known = target.capabilities
    if known and (end := ending(known, "transcription", wanted(plan.options), target.ready)):
        world.note(f"{known.id} {end}")
    world.detail(f"asking {target.model} {place(target, 'transcription')}")


def _watch(world: World, chosen: TranscribeOptions, plan: Plan) -> Watch:
    if plan.paths[0] is not None:
        return watch_files(world, len(plan.recordings))
    live = plan.format == "text" and not chosen.for_programs
    return watch_words(world, plan.recordings[0], live=live)


def _kept(plan: Plan, watch: Watch) -> str | None:
    """What a run that ended early leaves behind, and how to go on."""
    done = sum(result.outcome.status == "done" for result in watch.results)
    if plan.several:
        return f"{done} of {len(plan.recordings)} are done; --resume goes on from there"
    return "what was heard is kept; --resume goes on from there" if watch.pieces else None


@dataclass(frozen=True)
class _Run:
    """A plan while it is carried out."""

    world: World
    chosen: TranscribeOptions
    plan: Plan
    means: _Means
    watch: Watch

    async def carried_out(self) -> int:
        """Carry it out; returns the exit code."""
        with spooled(self.world, self.plan.recordings, parse_size(self.chosen.max_input)) as recordings:
            path = self.plan.paths[0]
            if path is None or (is_special(path) and not self.plan.several):
                return await self._write_out(recordings[0], path)
            return await self._write_files(recordings)

    @property
    def _form(self) -> Form:
        return form_of(self.plan.format, words=self.chosen.words, limits=self.plan.limits)

    # One transcript, to stdout or to a device

    async def _write_out(self, recording: Recording, path: str | None) -> int:
        tally = Tally()
        transcript = await self._heard(recording, tally)
        result = result_of(recording, path, self._outcome(recording, transcript, tally))
        if path is not None:
            _write_to_device(path, self._form.render(transcript))
        elif not self.chosen.for_programs:
            self.watch.show(
                encode(transcript, self.plan.format, words=self.chosen.words, limits=self.plan.limits)
            )
        self.watch.end(result)
        self._tell_notes(result)
        if self.chosen.jsonl:
            self._print(results.item_document(result, transcript if path is None else None))
        self._report(transcript if path is None else None)
        return 0

    async def _heard(self, recording: Recording, tally: Tally) -> Transcript:
        def tell(event: JobEvent) -> None:
            tally.take(event)
            self.watch.take(recording, event)

        try:
            return await transcribe_one(
                recording.input,
                self.plan.options,
                self.means.executor,
                self.means.journal,
                resume=self.chosen.resume,
                tell=tell,
            )
        except AudiocliError as error:
            error.message = recording.named(in_options(error).message)
            raise

    def _outcome(self, recording: Recording, transcript: Transcript, tally: Tally) -> Outcome:
        return Outcome(
            item=Item(recording.input, ""),
            status="done",
            seconds=transcript.duration,
            words=results.count_words(transcript),
            dollars=tally.dollars,
            elapsed=self.watch.elapsed(recording),
            notes=tally.notes + transcript.notes,
        )

    # Transcripts to files

    async def _write_files(self, recordings: Sequence[Recording]) -> int:
        named = {
            Item(recording.input, path): recording
            for recording, path in zip(recordings, self.plan.paths, strict=True)
            if path is not None
        }

        def report(event: RunEvent) -> None:
            if isinstance(event, Told):
                self.watch.take(named[event.item], event.event)
            else:
                self._ended(named[event.item], event)

        for item in (kept := self._kept(named)):
            report(Outcome(item=item, status="skipped", reason="its transcript is there"))
        await transcribe_archive(
            [item for item in named if item not in kept],
            self.plan.options,
            self.means.executor,
            self.means.journal,
            self._form,
            at_once=self.chosen.at_once,
            resume=self.chosen.resume,
            replaces=self.plan.replaces,
            report=report,
        )
        return self._file_results()

    def _kept(self, items: Iterable[Item]) -> set[Item]:
        """Those whose transcripts exist, and shall stay."""
        return {item for item in items if self.chosen.no_clobber and os.path.lexists(item.output)}

    def _ended(self, recording: Recording, outcome: Outcome) -> None:
        elapsed = self.watch.elapsed(recording) or outcome.elapsed
        result = result_of(recording, outcome.item.output, replace(outcome, elapsed=elapsed))
        self.watch.end(result)
        if self.chosen.jsonl:
            self._print(results.item_document(result))
        elif self.plan.several and not self.chosen.json:
            self._tell_line(result)
        self._tell_notes(result)

    def _tell_line(self, result: Result) -> None:
        """A line for what has ended, where no bar shows it; what failed is told in any case."""
        if result.outcome.error is not None and self.world.quiet:
            self.world.say(f"audiocli: {results.described(result)}")
        elif not watched(self.world):
            self.world.note(results.described(result))

    def _tell_notes(self, result: Result) -> None:
        if not self.chosen.for_programs:  # There they stand with their recording.
            for note in results.notes_of(result):
                self.world.note(note)

    def _file_results(self) -> int:
        self.world.progress.hide()
        ended = self.watch.results
        order = {path: number for number, path in enumerate(self.plan.paths)}
        ended.sort(key=lambda result: order[result.output])
        if not self.plan.several and (error := ended[0].outcome.error) is not None:
            raise error
        if self.plan.several and not self.chosen.for_programs and not self.world.quiet:
            self._show_table()
        self._report()
        return results.SOME_FAILED if any(result.outcome.error for result in ended) else 0

    def _show_table(self) -> None:
        from audiocli.cli.transcribe.results_table import render as render_table

        rows = self.watch.results
        if len(rows) > LONGEST_TABLE:
            rows = [result for result in rows if result.outcome.error is not None]
        if rows and self.world.stderr is not None:
            self.world.say(render_table(rows, self.world.stderr), end="")

    # What is said in the end

    def _report(self, transcript: Transcript | None = None) -> None:
        """The results as JSON, with a `transcript` that has no file; how many are done; what was used."""
        world, ended = self.world, self.watch.results
        if self.chosen.json:
            self._print(results.run_document(ended, self.plan.target.name, world.notes, transcript))
        elif self.plan.several:
            world.note(results.summary(ended))
        elif self.plan.paths[0] is not None and not self.chosen.jsonl:
            world.note(results.described(ended[0]))
        if self.chosen.usage:
            world.say(results.describe_usage(self.watch.usage, ended))

    def _print(self, document: object) -> None:
        with self.world.progress.paused():
            self.world.answer(escaped(json.dumps(document, ensure_ascii=False)) + "\n")


def _write_to_device(path: str, content: bytes) -> None:
    try:
        with open_special(path) as device:
            write_all(device, content)
    except OSError as error:
        raise unwritable(path, error) from error
