"""What a recording can be written as, and how it is chosen."""

import os
from typing import Literal

from audiocli.errors import UsageError
from audiocli.files import is_special
from audiocli.nearness import did_you_mean
from audiocli.printable import quoted

Format = Literal["wav", "mp3", "flac", "opus", "ogg", "pcm"]
"""What a recording is written as. `pcm` has no header; `ogg` is Vorbis and `opus` is Opus, both in Ogg."""

FORMATS: tuple[Format, ...] = ("wav", "mp3", "flac", "opus", "ogg", "pcm")


def format_of(path: str, format: str | None = None) -> Format:
    """What a recording is written as: `format`, or what the name's extension says; a pipe gets WAV."""
    extension = os.path.splitext(path)[1][1:].lower()
    wanted = (format or extension).lower()
    if not wanted and (path == "-" or os.path.isdir(path) or is_special(path)):
        wanted = "wav"  # Whoever opens a folder says what is wrong with it.
    for known in FORMATS:
        if wanted == known:
            _check_name(path, known, extension)
            return known
    choice = f"use one of {', '.join(FORMATS)}"
    if format or wanted:
        hint = did_you_mean(wanted, FORMATS) or choice
        raise UsageError(f"audio cannot be written as {quoted(wanted)}", hint=hint)
    raise UsageError(
        f"{quoted(path)} has no extension to tell the format from",
        hint=f"add one, or name the format: {choice}",
    )


def _check_name(path: str, format: Format, extension: str) -> None:
    """Refuse a name that promises another format; but Opus may be in a file named as Ogg."""
    if extension not in FORMATS or extension == format or {extension, format} == {"ogg", "opus"}:
        return
    hint = f"leave out one of them, or name the file {quoted(os.path.splitext(path)[0] + '.' + format)}"
    fault = UsageError(f"format {format} contradicts the name {quoted(path)}", hint=hint)
    raise fault.about("format")
