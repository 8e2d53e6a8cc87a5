"""Which recordings are meant: files, patterns, folders, addresses, and what is piped in."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from audiocli.cli.forms import BY_EXTENSION
from audiocli.errors import InputError, UsageError
from audiocli.printable import one_line, quoted
from audiocli.secret import without_secrets

STDIN = "-"

_SOUNDS = (".mp3", ".wav", ".flac", ".m4a", ".ogg", ".oga", ".opus", ".aac", ".wma", ".aiff", ".amr", ".caf")
_FILMS = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".3gp")
"""What a recording in a folder is called even if its content is not recognised: then it is told of."""


@dataclass(frozen=True)
class Recording:
    """An input: `name` as it is shown, `input` as a job finds it, an absolute path or an address.

    `path` is what its transcript is named after. Under another folder it is `branch` that is kept of it.
    """

    name: str
    input: str
    path: str
    branch: str

    def named(self, text: str) -> str:
        """`text`, in which the recording has the name that the user gave it."""
        return text.replace(self.input, self.name)


@dataclass(frozen=True)
class Found:
    """The recordings, each once, in order.

    `several` says that each gets a file of its own: more than one was named, or a folder, or a pattern,
    however many it matches.
    """

    recordings: tuple[Recording, ...]
    several: bool


def find_recordings(
    names: Sequence[str],
    *,
    recursive: bool = False,
    output: str | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Found:
    """What `names` stand for. A pattern that a shell has left as it is is expanded, a folder if `recursive`.

    A file that is not there is no error here: it fails when its turn comes, and the others do not. What an
    earlier run has written, beside the recordings or into the folder `output`, is passed over. `note` is told
    of that, and of folders that cannot be read, or have no recording where another one has. Raises
    `InputError` where there is no recording at all, `UsageError` for a folder that nobody asked to look into.
    """
    expanded = list(_expanded(names))
    given = _without_transcripts(expanded, note)
    if not recursive:
        given = _without_folders(given, output)
    folders = [name for name in given if _is_folder(name)]
    root = _common_folder(
        name if name in folders else os.path.dirname(name) for name in given if _is_path(name)
    )
    found: dict[str, Recording] = {}
    empty = []
    for name in given:
        recordings = _in_folder(name, root, note) if name in folders else [_named(name, root)]
        empty += [] if recordings else [f"there is no recording in {quoted(name)}"]
        for recording in recordings:
            found.setdefault(os.path.normpath(recording.path) if _is_path(name) else name, recording)
    if not found:
        raise InputError(empty[0], hint="name a folder with audio files")
    for told in empty:
        note(told)
    several = len(found) > 1 or given != expanded or bool(folders) or any(map(_is_pattern, names))
    return Found(tuple(found.values()), several)


def _without_transcripts(names: Sequence[str], note: Callable[[str], None]) -> list[str]:
    """`names` without the transcripts of others among them: the second time, `DIR/*` has both."""
    stems = {os.path.splitext(name)[0] for name in names if not _has_transcript_name(name)} | set(names)
    written = {
        name: None  # A set would not keep their order.
        for name in names
        if _has_transcript_name(name) and os.path.splitext(name)[0] in stems and _is_no_sound(name)
    }
    if written:
        more = f", and {len(written) - 1} more" if len(written) > 1 else ""
        note(f"transcripts beside their recordings are passed over: {quoted(next(iter(written)))}{more}")
    return [name for name in names if name not in written]


def _has_transcript_name(name: str) -> bool:
    return _is_path(name) and os.path.splitext(name)[1].lower() in BY_EXTENSION


def _is_no_sound(path: str) -> bool:
    return os.path.isfile(path) and not _sounds(path)


def _without_folders(names: Sequence[str], output: str | None) -> list[str]:
    """`names` without the folder that transcripts go to. Raises `UsageError` for another folder."""
    files = [name for name in names if not _is_folder(name)]
    for folder in names:
        if _is_folder(folder) and not (
            files and output and os.path.realpath(folder) == os.path.realpath(output)
        ):
            raise UsageError(f"{quoted(folder)} is a folder", hint="-r takes the recordings in it")
    return files


def _is_pattern(name: str) -> bool:
    """Whether a shell has left it as it is, on Windows for one, or because it is quoted."""
    return _is_path(name) and glob.has_magic(name) and not os.path.lexists(name)


def _expanded(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not name:
            raise InputError("the name of an input is empty", hint="name a recording")
        if not _is_pattern(name):
            yield name
            continue
        matches = sorted(glob.glob(name, recursive=True))
        if not matches:
            raise InputError(f"nothing matches {quoted(name)}", hint="name a recording that exists")
        yield from matches


def _is_path(name: str) -> bool:
    return name != STDIN and "://" not in name


def _is_folder(name: str) -> bool:
    return _is_path(name) and os.path.isdir(name)


def _common_folder(folders: Iterator[str]) -> str:
    """The deepest folder that holds them all."""
    absolute = {os.path.abspath(folder) for folder in folders}
    try:
        return os.path.commonpath(absolute) if absolute else ""
    except ValueError:  # on two drives
        return ""


def _named(name: str, root: str) -> Recording:
    if name == STDIN:
        return Recording("stdin", STDIN, "stdin", "stdin")
    if not _is_path(name):
        file = _file_name(name)
        return Recording(one_line(without_secrets(name)), name, file, file)
    return _file(name, root)


def _file(path: str, root: str) -> Recording:
    absolute = os.path.abspath(path)
    return Recording(
        path, absolute, path, os.path.relpath(absolute, root) if root else os.path.basename(path)
    )


def _file_name(address: str) -> str:
    """What a file from `address` would be saved as."""
    parts = urlsplit(address)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2])
    safe = "".join(each for each in last if each.isprintable() and each not in '/\\:*?"<>|').lstrip(".")
    return safe[:100] or parts.hostname or "recording"


def _in_folder(folder: str, root: str, note: Callable[[str], None]) -> list[Recording]:
    """The recordings below `folder`, in order. Links to folders, which may lead in a circle, are not
    followed.
    """

    def tell(error: OSError) -> None:
        note(f"cannot read the folder {quoted(str(error.filename))}: {error.strerror}")

    found = []
    for directory, folders, files in os.walk(folder, onerror=tell):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [os.path.join(directory, name) for name in sorted(files) if not name.startswith(".")]
        found += [_file(path, root) for path in paths if _looks_like_a_recording(path)]
    return found


def _looks_like_a_recording(path: str) -> bool:
    if not os.path.isfile(path):  # a pipe, a device, or a link to nothing
        return False
    return path.lower().endswith((*_SOUNDS, *_FILMS)) or _sounds(path)


def _sounds(path: str) -> bool:
    from audiocli.audio.containers.sniff import HEAD_BYTES, sniff

    try:
        with open(path, "rb", buffering=0) as file:
            return sniff(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False
