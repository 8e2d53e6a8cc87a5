"""What a transcript is written as, and under which name.

Every name is found, and what may keep a file from being written there is told, before anything is sent.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from audiocli.cli.forms import BY_EXTENSION, EXTENSIONS, Format, is_folder
from audiocli.cli.transcribe.recordings import Found, Recording
from audiocli.errors import UsageError
from audiocli.files import is_special
from audiocli.printable import quoted
from audiocli.recordings.claiming import Claim
from audiocli.recordings.writing import Form, check_folder_writable, check_writable
from audiocli.subtitles.cues import BROADCAST, CueLimits
from audiocli.transcript import Transcript

STDOUT = "-"


def destinations(
    found: Found, output: str | None, format: Format, note: Callable[[str], None] = lambda text: None
) -> list[str | None]:
    """The file that each transcript goes to; `None` for stdout.

    Where two would get the same name, they keep the extensions of their recordings, which `note` is told of.
    Raises `UsageError` for names that are the same even so, and for a transcript in place of a recording.
    """
    if output == STDOUT or (output is None and not found.several):
        return [None] * len(found.recordings)
    if output is not None and not are_derived(found, output):
        paths = [output]
    else:
        _check_is_no_file(output)
        paths = _named_apart(found.recordings, output, EXTENSIONS[format], note)
    _check_distinct(found.recordings, paths)
    return list(paths)


def are_derived(found: Found, output: str | None) -> bool:
    """Whether files get names that the user has not written out."""
    return found.several or output is None or is_folder(output)


def _check_is_no_file(output: str | None) -> None:
    if output is None or is_folder(output):
        return
    if os.path.lexists(output) or os.path.splitext(output)[1].lower() in BY_EXTENSION:
        raise UsageError(
            f"{quoted(output)} is a file, and each recording gets a file of its own",
            hint="name a folder with --output",
        )


def _named_apart(
    recordings: Sequence[Recording], folder: str | None, extension: str, note: Callable[[str], None]
) -> list[str]:
    stems = [each.path if folder is None else os.path.join(folder, each.branch) for each in recordings]
    short = [os.path.splitext(stem)[0] + extension for stem in stems]
    counts = Counter(map(os.path.abspath, short))
    shared = [stem for stem, name in zip(stems, short, strict=True) if counts[os.path.abspath(name)] > 1]
    if shared:
        others = f", and so on for {len(shared) - 2} more" if len(shared) > 2 else ""
        note(
            f"{quoted(shared[0])} and {quoted(shared[1])} would have transcripts of the same name: "
            f"theirs end in {_kept(shared[0], extension)} and {_kept(shared[1], extension)}{others}"
        )
    return [
        stem + extension if counts[os.path.abspath(name)] > 1 else name
        for stem, name in zip(stems, short, strict=True)
    ]


def _kept(stem: str, extension: str) -> str:
    return quoted(os.path.splitext(stem)[1] + extension)


def _check_distinct(recordings: Sequence[Recording], paths: Sequence[str]) -> None:
    inputs = {os.path.realpath(each.input): each for each in recordings if os.path.isabs(each.input)}
    takers: dict[str, Recording] = {}
    for recording, path in zip(recordings, paths, strict=True):
        target = os.path.realpath(path)
        if (read := inputs.get(target)) is not None:
            raise UsageError(
                f"the transcript of {quoted(recording.name)} would replace the recording {quoted(read.name)}",
                hint="choose another --output or --format",
            )
        if (other := takers.setdefault(target, recording)) is not recording:
            raise UsageError(
                f"{quoted(other.name)} and {quoted(recording.name)} would both be written to {quoted(path)}",
                hint="transcribe them one after the other, with an --output for each",
            )


def check_writable_as_named(path: str, *, clobber: bool = True) -> None:
    """Raise `OutputError` if something keeps a file from being written under the name that the user chose."""
    if not is_special(path):
        check_writable(path, Claim(follow=clobber))


def check_folders_writable(paths: Iterable[str]) -> None:
    """Raise `OutputError` if no file could be written in the folder of one of the `paths`.

    What is wrong with one name only is that recording's failure, when its turn comes.
    """
    for folder in dict.fromkeys(map(os.path.dirname, paths)):
        check_folder_writable(folder)


def form_of(format: Format, *, words: bool, limits: CueLimits = BROADCAST) -> Form:
    """What a file with a transcript is: UTF-8, and another one with the times of words, or other limits."""
    differs = "" if limits == BROADCAST else f", {limits.columns} x {limits.lines}, {limits.seconds:g} s"
    return Form(
        f"{format}{', words' if words else ''}{differs}",
        lambda transcript: encode(transcript, format, words=words, limits=limits).encode(errors="replace"),
    )


def encode(transcript: Transcript, format: Format, *, words: bool, limits: CueLimits = BROADCAST) -> str:
    """A transcript as it is written, its subtitles within `limits`; with `words`, a subtitle for each."""
    from audiocli.subtitles import captions

    match format:
        case "text":
            return captions.encode_text(transcript)
        case "json":
            return captions.encode_json(transcript)
        case "srt":
            return captions.encode_srt(transcript, words=words, limits=limits)
        case "vtt":
            return captions.encode_vtt(transcript, words=words, limits=limits)
    return captions.encode_tsv(transcript, words=words)
