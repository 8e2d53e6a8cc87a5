"""A question goes to a model, its answer to the terminal and to a file."""

import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from audiocli.audio.formats import Format, format_of
from audiocli.audio.recording import Recorder
from audiocli.catalog import Capabilities
from audiocli.catalog.dates import today
from audiocli.chat import ChatRequest
from audiocli.cli import render
from audiocli.cli.ask.inputs import Inputs, read_inputs
from audiocli.cli.ask.options import AskOptions
from audiocli.cli.models import find_model, note_choice
from audiocli.cli.progress import Meter, NoProgress, Progress, Spinner
from audiocli.cli.signals import run_until_signal
from audiocli.cli.world import World, is_pipe, is_terminal
from audiocli.cli.wrapping import Wrapping, terminal_size
from audiocli.client import Answer, Cost, Question, compose, cost, estimate, wanted_of
from audiocli.client import ask as ask_model
from audiocli.config import Config
from audiocli.config import load as load_config
from audiocli.errors import OutputError, UsageError
from audiocli.files import is_special, open_special
from audiocli.printable import escaped
from audiocli.prompts import check_prompt
from audiocli.providers.registry import build, destination, place
from audiocli.providers.retry import Retrying
from audiocli.providers.suiting import Wanted, ending
from audiocli.providers.target import Target


def answer(world: World, chosen: AskOptions) -> int:
    """Do what `audiocli ask` was told; returns its exit code."""
    gc.enable()
    _check(world, chosen)
    _check_texts(chosen)
    if render.watched(world) and world.stderr is not None:
        world.progress = Spinner(world.stderr, coloured=world.is_coloured(world.stderr))
    settings = load_config(world.environ, Path(chosen.config) if chosen.config else None)
    date = today()
    wanted = Wanted(spoken=chosen.output is not None, heard=bool(chosen.audio_names), today=date)
    target = _target(settings, chosen, wanted)
    world.secret = target.secret
    inputs = read_inputs(world, chosen)
    if target.chosen and inputs.audio and not wanted.heard:  # What is piped in may be sound.
        wanted = replace(wanted, heard=True)
        target = _target(settings, chosen, wanted)
        world.secret = target.secret
    question = _question(chosen, inputs)
    request = compose(question, target, today=date)
    if chosen.voice is not None and request.audio is None:
        world.note("--voice is ignored: the answer is not spoken; -o FILE has it spoken")
    if chosen.curl or chosen.dry_run:
        known = (target.capabilities or Capabilities(id=target.model)).as_of(date)
        return _preview(world, chosen, target, request, estimate(question, inputs.seconds, known))
    provider = Retrying(
        build(target, settings, render.Download(world).show),
        retries=target.tries(chosen.retries),
        timeout=target.seconds(chosen.timeout),
        notify=world.note,
    )
    screen = _screen(world, chosen)

    async def asked() -> Answer:
        # Where signals are heard: one that came earlier would leave the recorder's file behind.
        recorder = _recorder(world, chosen, question.output)
        note_choice(world, target, "chat", wanted)
        _announce(world, target, request, wanted_of(question, date))
        world.progress.show(f"asking {target.model}")
        return await ask_model(provider, request, recorder=recorder, show=screen.show)

    try:
        answered = run_until_signal(asked())
    except BaseException:
        screen.abandon()
        raise
    screen.close()
    _report(world, chosen, target, answered, unheard=request.audio is not None and chosen.output is None)
    return 0


def _target(settings: Config, chosen: AskOptions, wanted: Wanted) -> Target:
    return find_model(settings, chosen.model, chosen.base_url, "chat", wanted, force=chosen.force)


def _check(world: World, chosen: AskOptions) -> None:
    """Contradictions that the command line alone shows."""
    if chosen.timeout is not None and not chosen.timeout > 0:
        raise UsageError("--timeout must be more than 0 seconds")
    if chosen.no_stdin and chosen.names_stdin:
        raise UsageError("- reads stdin, and --no-stdin does not", hint="leave out one of them")
    if chosen.audio_names.count("-") + (chosen.prompt == "-") > 1:
        raise UsageError("stdin can be read only once", hint="use - in one place")
    if "-" in chosen.audio_names and is_terminal(world.stdin):
        raise UsageError("audio is not read from a terminal", hint="pipe it in, or name a file")
    if (chosen.format or chosen.no_clobber) and chosen.output is None:
        raise UsageError("there is no output to write", hint="name one with --output")
    if chosen.output in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        raise UsageError(f"{chosen.output} would carry both words and sound", hint="use -o -")
    if chosen.output == "-" and chosen.json:
        raise UsageError("stdout cannot carry both audio and JSON", hint="name a file with --output")
    if chosen.output == "-" and is_terminal(world.stdout):
        raise UsageError(
            "audio is not written to a terminal", hint="pipe it on, or name a file with --output"
        )
    if world.stdout is None:
        raise OutputError("stdout is closed", hint="redirect it to a file or to /dev/null")


def _check_texts(chosen: AskOptions) -> None:
    if chosen.prompt != "-":
        check_prompt(chosen.prompt, "the prompt")
    check_prompt(chosen.system, "--system")


def _question(chosen: AskOptions, inputs: Inputs) -> Question:
    written = "" if chosen.prompt in (None, "-") else chosen.prompt
    return Question(
        prompt="\n\n".join(text for text in (written, inputs.text) if text),
        audio=inputs.audio,
        system=chosen.system,
        output=format_of(chosen.output, chosen.format) if chosen.output is not None else None,
        text_only=chosen.text_only,
        force=chosen.force,
        voice=chosen.voice,
        stream=chosen.stream,
        temperature=chosen.temperature,
        max_tokens=chosen.max_tokens,
        seed=chosen.seed,
    )


def _preview(
    world: World, chosen: AskOptions, target: Target, request: ChatRequest, expected: Cost | None
) -> int:
    from audiocli.cli.ask import preview

    if chosen.curl:
        world.answer(preview.as_curl(request, target) + "\n")
        return 0
    world.answer(preview.as_json(request, target) + "\n")
    if not chosen.quiet:
        world.say(f"audiocli: would be sent to {destination(target, 'chat')}")
        world.say(f"audiocli: {render.describe_estimate(expected, spoken=request.audio is not None)}")
    return 0


def _announce(world: World, target: Target, request: ChatRequest, wanted: Wanted) -> None:
    known = target.capabilities
    if known and (end := ending(known, "chat", wanted, target.ready)):
        world.note(f"{known.id} {end}")
    spoken = f", spoken by {request.audio.voice} as {request.audio.format}" if request.audio else ""
    world.detail(
        f"asking {target.model} {place(target, 'chat')}{spoken}{', streaming' if request.stream else ''}"
    )


def _recorder(world: World, chosen: AskOptions, format: Format | None) -> Recorder | None:
    if chosen.output is None or format is None:
        return None
    from audiocli.audio.writing.output import FileRecorder, PipeRecorder

    if chosen.output == "-":
        assert world.stdout is not None  # noqa: S101 - checked with the other contradictions
        return PipeRecorder(world.stdout.buffer, "stdout", format)
    if is_special(chosen.output):
        return PipeRecorder(open_special(chosen.output), chosen.output, format)
    return FileRecorder(chosen.output, format, clobber=not chosen.no_clobber)


def _screen(world: World, chosen: AskOptions) -> render.Screen:
    """Words go to stdout; to stderr where stdout carries sound; nowhere where it will carry JSON."""
    if chosen.json:
        return render.Screen(lambda text: None, world.progress, world.progress, outlives=False)
    if chosen.output == "-":
        write = (lambda text: None) if chosen.quiet else world.say_words
        meter, wrapping = _meter(world, world.stderr), _wrapping(world.stderr, redraws=False)
        return render.Screen(write, world.progress, meter, outlives=True, wrapping=wrapping)
    meter, wrapping = _meter(world, world.stdout), _wrapping(world.stdout, redraws=render.watched(world))
    outlives = chosen.output is not None
    return render.Screen(world.answer, world.progress, meter, outlives=outlives, wrapping=wrapping)


def _wrapping(words: TextIO | None, *, redraws: bool) -> Wrapping | None:
    """What breaks lines on a terminal; elsewhere they stay as they are."""
    if words is None or not is_terminal(words):
        return None
    # One column stays free: the meter, behind a line that is full, would write over its end.
    return Wrapping(lambda: terminal_size(words.fileno())[0], redraws=redraws, margin=1)


def _meter(world: World, words: TextIO | None) -> Progress:
    """What counts the sound once there are words, which go to `words`.

    Behind them, on the same terminal; by the spinner, where they are in a file; not at all, where they are in
    a pipe, whose other end may be the same terminal.
    """
    if not render.watched(world) or world.stderr is None:
        return NoProgress()
    if is_terminal(words):
        return Meter(world.stderr)
    return NoProgress() if is_pipe(words) else world.progress


def _report(world: World, chosen: AskOptions, target: Target, answer: Answer, *, unheard: bool) -> None:
    if answer.finished.finish_reason == "length":
        world.note("the answer was cut off at the limit of its length; raise --max-tokens")
    if unheard:
        world.note("the answer was spoken as well; -o FILE keeps the sound")
    world.detail(render.describe_timings(answer))
    dollars = cost(answer.finished.usage, target.prices_on(today()))
    if chosen.json:
        document = render.answer_document(answer, target, world.notes)
        world.answer(escaped(json.dumps(document, ensure_ascii=False)) + "\n")
    elif answer.recording:
        world.note(render.describe_recording(answer.recording, answer.finished.usage, dollars))
    if chosen.usage:
        world.say(render.describe_usage(answer, dollars))
