"""`audiocli transcribe`: what it takes on the command line."""

import typer

from audiocli.cli import options
from audiocli.cli.contradictions import check_contradictions
from audiocli.cli.transcribe.options import TranscribeOptions
from audiocli.cli.world import World, is_terminal

EXAMPLES = """\b
Examples:
  audiocli transcribe talk.mp3
  audiocli transcribe talk.mp3 -o talk.srt
  audiocli transcribe *.flac -f vtt -o subs/ -j 4
  audiocli transcribe -r interviews --resume
  audiocli transcribe https://example.com/talk.mp3 --start 1:30 --end 2:00
  yt-dlp -x -o - URL | audiocli transcribe - | audiocli ask "Summarise\""""


def transcribe(
    context: typer.Context,
    inputs: options.Recordings = None,
    model: options.Model = None,
    format: options.TranscriptFormat = None,
    output: options.TranscriptOutput = None,
    language: options.Language = None,
    prompt: options.Hint = None,
    words: options.Words = False,
    max_line_length: options.MaxLineLength = None,
    max_lines: options.MaxLines = None,
    max_cue: options.MaxCue = None,
    speakers: options.Speakers = False,
    at_once: options.AtOnce = 4,
    resume: options.Resume = False,
    recursive: options.Recursive = False,
    start: options.Start = None,
    end: options.End = None,
    no_clobber: options.NoClobber = False,
    overwrite: options.Overwrite = False,
    base_url: options.BaseUrl = None,
    force: options.Force = False,
    timeout: options.RequestTimeout = None,
    retries: options.Retries = None,
    max_input: options.MaxFetched = "2GB",
    config: options.ConfigFile = None,
    json: options.Json = False,
    jsonl: options.JsonLines = False,
    usage: options.ShowUsage = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    color: options.Color = "auto",
    dry_run: options.DryRun = False,
) -> int:
    """Write down what is said in recordings, of any length, with times.

    The text of one recording goes to stdout. Of several, each gets a file beside it, or under --output with
    the tree kept. Without --model it is a hosted one whose key is set and that gives what is asked for,
    and otherwise a recogniser that runs on this machine.
    """
    world: World = context.obj
    chosen = TranscribeOptions(**context.params)
    if not inputs and is_terminal(world.stdin):
        world.say(
            f"{context.get_usage()}\n\n{EXAMPLES.removeprefix(chr(8)).strip()}"
            "\n\nMore: audiocli transcribe --help"
        )
        return 2
    world.quiet, world.verbose, world.json = quiet, verbose, json
    check_contradictions(context)
    from audiocli.cli.transcribe.transcribing import transcribe as transcribe_recordings  # Not for --help.

    return transcribe_recordings(world, chosen)
