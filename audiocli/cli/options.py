"""The options of the commands: their names, their help, and what completes them."""

import re
from typing import Annotated, Any

import typer

from audiocli.audio.formats import FORMATS
from audiocli.cli.colour import WHENS
from audiocli.cli.forms import EXTENSIONS
from audiocli.cli.world import World
from audiocli.errors import UsageError
from audiocli.nearness import did_you_mean
from audiocli.printable import quoted

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def parse_size(text: str) -> int:
    """Bytes that `25MB`, `500k` or `1000000` stand for. Raises `UsageError` for anything else."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,3})?)\s*([kmg]?)b?", text.strip().lower(), re.ASCII)
    if match is None:
        raise UsageError(f"{quoted(text)} is not a size", hint="write it as 25MB or as bytes")
    return int(float(match[1]) * _UNITS[match[2]])


def parse_time(text: str) -> float:
    """Seconds that `90`, `1:30` or `0:01:30.5` stand for. Raises `UsageError` for anything else."""
    match = re.fullmatch(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d{1,9})?)", text.strip(), re.ASCII)
    hours, minutes, seconds = (float(part or 0) for part in match.groups()) if match else (0, 0, -1)
    limits = (60 if match and match[1] else 10_000, 60 if match and match[2] else 1e9)
    if match is None or minutes >= limits[0] or seconds >= limits[1]:
        raise UsageError(f"{quoted(text)} is not a time", hint="write it as seconds, 1:30 or 1:02:03.5")
    return hours * 3600 + minutes * 60 + seconds


def _complete_model(incomplete: str) -> list[str]:
    from audiocli.providers.naming import reachable_models

    return [model for model in reachable_models() if model.startswith(incomplete)]


def _complete_voice(context: typer.Context, incomplete: str) -> list[str]:
    from audiocli.catalog import lookup

    known = lookup(context.params.get("model") or "gpt-audio-1.5")
    return [voice for voice in (known.voices if known else ()) if voice.startswith(incomplete)]


def _complete_format(incomplete: str) -> list[str]:
    return [format for format in FORMATS if format.startswith(incomplete)]


def _complete_transcript_format(incomplete: str) -> list[str]:
    return [format for format in EXTENSIONS if format.startswith(incomplete)]


def _complete_colour(incomplete: str) -> list[str]:
    return [when for when in WHENS if when.startswith(incomplete)]


def _set_colour(context: typer.Context, when: str) -> str:
    """Take it before any other option: what is wrong with that is said in the right colour."""
    for known in WHENS:
        if when == known:
            if isinstance(context.obj, World):  # There is none where words are completed.
                context.obj.colour = known
            return when
    hint = did_you_mean(when, WHENS) or f"use one of {', '.join(WHENS)}"
    raise UsageError(f"unknown --color {quoted(when)}", hint=hint)


def _option(*names: str, help: str, metavar: str | None = None, **settings: Any) -> Any:
    """An option whose default, if it is worth a word, stands in its help."""
    return typer.Option(*names, help=help, metavar=metavar, show_default=False, **settings)


Prompt = Annotated[
    str | None,
    typer.Argument(
        metavar="[PROMPT]",
        help="The question; - reads it from stdin. What is piped in follows it.",
        show_default=False,
    ),
]
Audio = Annotated[
    list[str] | None,
    _option("--audio", "-a", metavar="FILE|URL|-", help="Audio to send with it. Can be repeated."),
]
Output = Annotated[
    str | None, _option("--output", "-o", metavar="FILE|-", help="Where the spoken answer goes.")
]
Format = Annotated[
    str | None,
    _option(
        "--format",
        metavar="FORMAT",
        help=f"Its format, if not the file's extension: {', '.join(FORMATS)}.",
        autocompletion=_complete_format,
    ),
]
NoClobber = Annotated[bool, _option("--no-clobber", help="Do not replace a file that exists.")]
Overwrite = Annotated[
    bool, _option("--overwrite", help="Replace files beside the recordings, or in DIR, whoever wrote them.")
]
Model = Annotated[
    str | None,
    _option(
        "--model",
        "-m",
        metavar="NAME",
        help="provider/model, a known name, or a name from the config.",
        autocompletion=_complete_model,
    ),
]
BaseUrl = Annotated[
    str | None, _option("--base-url", metavar="URL", help="Another OpenAI-compatible server.")
]
Voice = Annotated[
    str | None,
    _option("--voice", metavar="NAME", help="The voice that answers.", autocompletion=_complete_voice),
]
System = Annotated[
    str | None, _option("--system", "-s", metavar="TEXT", help="Instructions that come first.")
]
Temperature = Annotated[
    float | None, _option("--temperature", metavar="0..2", help="How freely it chooses words.", min=0, max=2)
]
MaxTokens = Annotated[
    int | None, _option("--max-tokens", metavar="N", help="The most tokens that the answer may have.", min=1)
]
Seed = Annotated[int | None, _option("--seed", metavar="N", help="For answers that can be repeated.")]
Force = Annotated[
    bool,
    _option(
        "--force",
        help="Send the request even if the model is known not to support it, or its name looks misspelt.",
    ),
]
TextOnly = Annotated[bool, _option("--text-only", help="No sound, where the model allows it.")]
Stream = Annotated[
    bool | None, _option("--stream/--no-stream", help="Show words as they are spoken, or all at once.")
]
Timeout = Annotated[
    float | None, _option("--timeout", metavar="SECONDS", help="For the whole call: the config's, or 600.")
]
Retries = Annotated[
    int | None,
    _option(
        "--retries",
        metavar="N",
        help="Retries after a temporary failure: the config's, or 2.",
        min=0,
        max=100,
    ),
]
MaxInput = Annotated[str, _option("--max-input", metavar="SIZE", help="The most audio that is read: 25MB.")]
NoStdin = Annotated[bool, _option("--no-stdin", help="Do not read stdin.")]
ConfigFile = Annotated[str | None, _option("--config", metavar="FILE", help="Another config.yaml.")]
Color = Annotated[
    str,
    _option(
        "--color",
        metavar="WHEN",
        help=f"Colour: {', '.join(WHENS)}.",
        callback=_set_colour,
        is_eager=True,
        autocompletion=_complete_colour,
    ),
]
Json = Annotated[bool, _option("--json", help="Print one JSON object; errors are JSON as well.")]
ShowUsage = Annotated[bool, _option("--usage", help="Say what was used and what it cost.")]
Quiet = Annotated[bool, _option("--quiet", "-q", help="Nothing but the answer and errors.")]
Verbose = Annotated[int, _option("--verbose", "-v", help="Say what happens.", count=True)]
DryRun = Annotated[bool, _option("--dry-run", help="Show the request and what it would cost; send nothing.")]
Recordings = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="Files, patterns, addresses, folders with -r; - reads stdin.",
        show_default=False,
    ),
]
TranscriptFormat = Annotated[
    str | None,
    _option(
        "--format",
        "-f",
        metavar="FORMAT",
        help=f"{', '.join(EXTENSIONS)}; text, if the extension of --output does not tell.",
        autocompletion=_complete_transcript_format,
    ),
]
TranscriptOutput = Annotated[
    str | None,
    _option(
        "--output",
        "-o",
        metavar="FILE|DIR|-",
        help="A file; a folder for several inputs, a pattern or -r, and where it is one or ends in /.",
    ),
]
Language = Annotated[
    str | None, _option("--language", "-l", metavar="CODE", help="What is spoken, such as en or de.")
]
Hint = Annotated[
    str | None, _option("--prompt", metavar="TEXT", help="Names and terms that are said, for their spelling.")
]
Words = Annotated[bool, _option("--words", help="The time of each word; in subtitles, a cue for each.")]
Speakers = Annotated[bool, _option("--speakers", help="Tell who speaks, where the model can.")]
MaxLineLength = Annotated[
    int | None,
    _option(
        "--max-line-length",
        metavar="N",
        help="Columns of a line of subtitles, wide characters take two: 42.",
        min=10,
        max=500,
    ),
]
MaxLines = Annotated[
    int | None, _option("--max-lines", metavar="N", help="Lines of a subtitle: 2.", min=1, max=20)
]
MaxCue = Annotated[
    float | None,
    _option("--max-cue", metavar="SECONDS", help="How long a subtitle stays: 7.", min=0.5, max=600),
]
AtOnce = Annotated[int, _option("-j", "--jobs", metavar="N", help="Recordings at once: 4.", min=1, max=256)]
Resume = Annotated[bool, _option("--resume", help="Do not send again what an earlier run has done.")]
Recursive = Annotated[bool, _option("--recursive", "-r", help="Take the recordings in folders.")]
Start = Annotated[
    str | None, _option("--start", metavar="TIME", help="Where to begin: seconds, MM:SS or HH:MM:SS.")
]
End = Annotated[str | None, _option("--end", metavar="TIME", help="Where to stop.")]
RequestTimeout = Annotated[
    float | None,
    _option("--timeout", metavar="SECONDS", help="For each piece that is sent: the config's, or 600."),
]
MaxFetched = Annotated[
    str, _option("--max-input", metavar="SIZE", help="The most that is taken from an address or a pipe: 2GB.")
]
JsonLines = Annotated[
    bool, _option("--jsonl", help="Print a JSON object on a line for each input as it ends.")
]
Curl = Annotated[bool, _option("--curl", help="Show the request as a curl line; send nothing.")]
