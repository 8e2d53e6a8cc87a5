"""What transcripts can be written as, and how that is chosen. Imports nothing that --help does not need."""

import os
from typing import Literal

from audiocli.errors import UsageError
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
    extension = "" if format or output is None or is_folder(output) else os.path.splitext(output)[1].lower()
    wanted = f".{format.lower()}" if format else extension
    if not wanted:
        return "text"
    if wanted in BY_EXTENSION:
        return BY_EXTENSION[wanted]
    hint = f"use one of {', '.join(EXTENSIONS)}" + ("" if format else " with --format")
    raise UsageError(f"a transcript cannot be written as {quoted(wanted[1:])}", hint=hint)


def is_folder(output: str) -> bool:
    """Whether `output` names a folder, which need not exist yet."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)
