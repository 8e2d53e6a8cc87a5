"""What transcripts can be written as, and how that is chosen. Imports nothing that --help does not need."""

import os
from typing import Literal

from audiocli.errors import UsageError
from audiocli.nearness import did_you_mean
from audiocli.printable import quoted

Format = Literal["text", "srt", "vtt", "json", "tsv"]
"""What a transcript is written as."""

EXTENSIONS: dict[Format, str] = {"text": ".txt", "srt": ".srt", "vtt": ".vtt", "json": ".json", "tsv": ".tsv"}

BY_EXTENSION: dict[str, Format] = {
    **{extension: format for format, extension in EXTENSIONS.items()},
    ".text": "text",
    ".md": "text",
}
"""By the extensions of files."""


def format_of(output: str | None, format: str | None) -> Format:
    """What a transcript is written as: `format`, or what the extension of `output` says, or text."""
    extension = "" if output is None or is_folder(output) else os.path.splitext(output)[1].lower()
    wanted = f".{format.lower()}" if format else extension
    if not wanted:
        return "text"
    if wanted in BY_EXTENSION:
        _check_name(output or "", BY_EXTENSION[wanted], BY_EXTENSION.get(extension))
        return BY_EXTENSION[wanted]
    hint = did_you_mean(wanted[1:], EXTENSIONS) or f"use one of {', '.join(EXTENSIONS)}"
    if not format:
        hint += " with --format"
    raise UsageError(f"a transcript cannot be written as {quoted(wanted[1:])}", hint=hint)


def _check_name(output: str, format: Format, named: Format | None) -> None:
    """Refuse a name that promises another format; but all of them are text."""
    if named not in (None, "text", format):
        better = quoted(os.path.splitext(output)[0] + EXTENSIONS[format])
        hint = f"leave out one of them, or name the file {better}"
        raise UsageError(f"--format {format} contradicts the name {quoted(output)}", hint=hint)


def is_folder(output: str) -> bool:
    """Whether `output` names a folder, which need not exist yet."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)
