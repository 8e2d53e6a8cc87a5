"""`audiocli ask`: what it takes on the command line."""

import typer

from audiocli.cli import options
from audiocli.cli.ask.options import AskOptions
from audiocli.cli.contradictions import check_contradictions
from audiocli.cli.world import World, is_terminal

EXAMPLES = """\b
Examples:
  audiocli ask "Is a golden retriever a good family dog?" -o dog.wav
  audiocli ask --audio clip.wav
  audiocli ask "What is said here?" -a https://example.com/clip.mp3
  cat notes.txt | audiocli ask "Summarise" -o summary.mp3
  ffmpeg -i talk.mp4 -f wav - | audiocli ask "Who speaks?" -a -
  audiocli ask "Say hello" -o - | aplay"""


def ask(
    context: typer.Context,
    prompt: options.Prompt = None,
    audio: options.Audio = None,
    output: options.Output = None,
    format: options.Format = None,
    no_clobber: options.NoClobber = False,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    voice: options.Voice = None,
    system: options.System = None,
    temperature: options.Temperature = None,
    max_tokens: options.MaxTokens = None,
    seed: options.Seed = None,
    text_only: options.TextOnly = False,
    force: options.Force = False,
    stream: options.Stream = None,
    timeout: options.Timeout = None,
    retries: options.Retries = None,
    max_input: options.MaxInput = "25MB",
    no_stdin: options.NoStdin = False,
    config: options.ConfigFile = None,
    json: options.Json = False,
    usage: options.ShowUsage = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    color: options.Color = "auto",
    dry_run: options.DryRun = False,
    curl: options.Curl = False,
) -> int:
    """Ask an audio model, by text or by voice, and hear its answer.

    The words of the answer go to stdout, everything else to stderr. Without --model it is one
    of a service whose key is set, OpenAI's first, and otherwise a small model that runs on this machine.
    """
    world: World = context.obj
    chosen = AskOptions(**context.params)
    if prompt is None and not audio and (no_stdin or is_terminal(world.stdin)):
        world.say(
            f"{context.get_usage()}\n\n{EXAMPLES.removeprefix(chr(8)).strip()}\n\nMore: audiocli ask --help"
        )
        return 2
    world.quiet, world.verbose, world.json = quiet, verbose, json
    check_contradictions(context)
    from audiocli.cli.ask.answering import answer  # Not for --help: it is most of what there is to import.

    return answer(world, chosen)
