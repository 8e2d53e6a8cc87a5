"""What has been done is remembered, so that it is neither paid for nor waited for again.

In its folder are `journal.jsonl`, a line for each transcript that was written to a file; `pieces/`, what has
been heard of recordings that are not finished; and `transcripts/`, from which another output is written.
These two are kept for a while: see `pruning`. All is told apart by the recording's content, and by what was
asked of whom. None of it is a secret's place: the files are their owner's alone, and hold no keys.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar
from weakref import finalize

from audiocli.errors import InputError
from audiocli.files import open_private
from audiocli.printable import quoted
from audiocli.recordings.content import Signature, digest_of
from audiocli.recordings.job import JobOptions, PieceDone
from audiocli.recordings.remembering.lines import MAX_LINE_BYTES, append, whole_lines
from audiocli.recordings.remembering.pruning import prune
from audiocli.subtitles.captions import transcript_from_json, transcript_to_json
from audiocli.transcript import Transcript

T = TypeVar("T")

VERSION = 1
"""Of what is written here, and of what leads from sound to transcript. Another one's is not used."""

_ID_CHARACTERS = 16
_INPUT = slice(2, 2 + _ID_CHARACTERS)  # Where the ids stand in a line: ["<input>","<output>",{…}]
_OUTPUT = slice(21, 21 + _ID_CHARACTERS)
_USUAL_BYTES = 2048  # of a line: more than most have
_BROKEN = (InputError, ValueError, TypeError, KeyError, RecursionError)


@dataclass(frozen=True)
class Done:
    """The transcript of the file `input` is in the file `output`, in the form that was asked for.

    `signature` and `digest` are the input's, `key` what was asked; `bytes` were written, and `content` is
    their SHA-256. An address has no signature.
    """

    input: str
    signature: Signature | None
    digest: str
    key: str
    output: str
    form: str
    bytes: int
    seconds: float
    content: str | None = None


class Journal:
    """What is done with one model, in `folder`. It is looked at when it is asked the first time.

    Lines that are broken, or another version's, are passed over. Where nothing can be written `notify` is
    told of it, once, and nothing is remembered. Safe to use from several threads and by several processes.
    """

    def __init__(self, folder: str, model: str, notify: Callable[[str], None] = lambda note: None) -> None:
        self._folder = folder
        self._path = os.path.join(folder, "journal.jsonl")
        self._model = model
        self._notify = notify
        self._told = False
        self._offsets: dict[bytes, int] | None = None
        self._file = -1  # which the offsets are in

    # Told apart by content

    def key(self, digest: str, options: JobOptions) -> str:
        """What tells this content, asked about in this way, from everything else."""
        return hashlib.sha256(f"{digest} {self._model} {_decisive(options)}".encode()).hexdigest()

    def transcript(self, digest: str, options: JobOptions) -> Transcript | None:
        """A transcript that an earlier run was given, if it is as good as what `options` ask for."""
        given = (replace(options, words=w, timed=t) for w in (True, False) for t in (True, False))
        for asked in (options, *(other for other in given if other != options)):
            found = self._read_transcript(self.key(digest, asked))
            if found is not None and _serves(found, asked, options):
                return found
        return None

    def keep(self, key: str, transcript: Transcript) -> None:
        """Remember a transcript; its pieces are then forgotten."""

        def write() -> None:
            path = self._transcript_path(key)
            _make_private(self._folder, "transcripts", key[:2])
            beside = f"{path}.{os.urandom(8).hex()}"
            with open(beside, "xb", opener=open_private) as file:
                file.write(_encode(transcript_to_json(transcript)))
            os.replace(beside, path)
            if os.path.exists(self._pieces_path(key)):
                os.unlink(self._pieces_path(key))

        self._attempt(write)

    def add_piece(self, key: str, piece: PieceDone) -> None:
        """Remember what was heard of a recording that is not finished."""

        def write() -> None:
            _make_private(self._folder, "pieces")
            append(self._pieces_path(key), _encode(encode_piece(piece)))

        self._attempt(write)

    def pieces(self, key: str) -> tuple[PieceDone, ...]:
        """What an earlier run has heard of a recording; of the same piece, what was heard last."""
        found: dict[tuple[float, float], PieceDone] = {}
        try:
            for _, line in whole_lines(self._pieces_path(key)):
                if (piece := _understood(decode_piece, line)) is not None:
                    found[piece.start, piece.end] = piece
        except OSError:
            return ()
        return tuple(found.values())

    def prune(self) -> None:
        """Forget what is old, or too much, once a day. What is written to files stays known. Blocks."""
        if os.path.isdir(self._folder):
            self._attempt(lambda: prune(self._folder, "transcripts", "pieces"))

    # Told apart by name

    def done(self, name: str, output: str) -> Done | None:
        """What was last written from one file to the other, if that is the last that was written there."""
        done = self.written(output)
        return done if done and done.input == name else None

    def written(self, output: str) -> Done | None:
        """What was last written to a file, whatever it was made of."""
        output = output_name(output)
        done = self._line(_id(output))
        return done if done and done.output == output else None

    def digest(self, path: str, signature: Signature) -> str:
        """The digest of the file's content, read only if it has changed since it was last done.

        Raises `InputError`. Blocks.
        """
        done = self._line(_id(path))
        if done and (done.input, done.signature) == (path, signature):
            return done.digest
        return digest_of(path)

    def add_done(self, done: Done) -> None:
        """Remember that a transcript is in a file."""

        def write() -> None:
            _make_private(self._folder)
            ids = _id(done.input).decode(), _id(done.output).decode()
            append(self._path, _encode([*ids, {"v": VERSION, **asdict(done)}]))

        self._attempt(write)

    def _line(self, id: bytes) -> Done | None:
        if self._offsets is None:
            self._offsets = self._indexed()
        offset = self._offsets.get(id)
        if offset is None:
            return None
        line = os.pread(self._file, _USUAL_BYTES, offset)
        if b"\n" not in line:
            line = os.pread(self._file, MAX_LINE_BYTES, offset)
        return _understood(_decode_done, line.partition(b"\n")[0])

    def _indexed(self) -> dict[bytes, int]:
        """Where the last line of each input, and of each output, begins. Each is parsed when it is needed."""
        offsets: dict[bytes, int] = {}
        try:
            self._file = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            finalize(self, os.close, self._file)
            for offset, line in whole_lines(self._path):
                if line.startswith(b'["'):
                    offsets[line[_INPUT]] = offset
                    offsets[line[_OUTPUT]] = offset
        except FileNotFoundError:
            pass
        except OSError as error:
            self._tell(f"cannot read {quoted(self._path)} ({error.strerror}): nothing is resumed")
        return offsets

    # Files

    def _transcript_path(self, key: str) -> str:
        return os.path.join(self._folder, "transcripts", key[:2], f"{key}.json")

    def _pieces_path(self, key: str) -> str:
        return os.path.join(self._folder, "pieces", f"{key}.jsonl")

    def _read_transcript(self, key: str) -> Transcript | None:
        try:
            with open(self._transcript_path(key), "rb") as file:
                return _understood(transcript_from_json, file.read())
        except OSError:
            return None

    def _attempt(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            reason = error.strerror or str(error)
            self._tell(
                f"cannot write to {quoted(self._folder)} ({reason}): no later run will find what is done"
            )

    def _tell(self, note: str) -> None:
        if not self._told:
            self._told = True
            self._notify(note)


@lru_cache
def _decisive(options: JobOptions) -> str:
    """What decides the transcript, besides the sound and the model."""
    asked = (options.language, options.prompt, options.words, options.speakers, options.timed)
    more = () if options.temperature is None else (options.temperature,)
    return json.dumps((VERSION, *asked, options.start, options.end, *more))


def output_name(path: str) -> str:
    """What a journal calls an output: one name, by whatever links to folders it is reached."""
    return os.path.join(_real_folder(os.path.abspath(os.path.dirname(path))), os.path.basename(path))


_real_folder = lru_cache(os.path.realpath)  # An archive has many thousands of files in few folders.


def is_written(done: Done) -> bool:
    """Whether the output is still there. Somebody may have corrected it since, which must not be undone."""
    try:
        status = os.stat(done.output)
    except OSError:
        return False
    return status.st_size > 0 or done.bytes == 0


def encode_piece(piece: PieceDone) -> dict[str, Any]:
    said = Transcript(
        segments=piece.segments,
        duration=piece.end,
        timing=piece.timing,
        language=piece.language,
        usage=piece.usage,
        notes=piece.notes,
    )
    return {
        "v": VERSION,
        "start": piece.start,
        "end": piece.end,
        "dollars": piece.dollars,
        "said": transcript_to_json(said),
    }


def decode_piece(document: Any) -> PieceDone:
    """Raises `ValueError`, or what comes of a document of another shape."""
    said = transcript_from_json(document["said"])
    dollars = document["dollars"]
    return PieceDone(
        float(document["start"]),
        float(document["end"]),
        said.segments,
        said.timing,
        said.language,
        said.usage,
        None if dollars is None else float(dollars),
        said.notes,
    )


def _decode_done(document: Any) -> Done:
    fields = document[2]
    if fields.pop("v") != VERSION:
        raise ValueError("another version's")
    if fields["signature"] is not None:
        size, changed, number = fields["signature"]
        fields["signature"] = (size, changed, number)
    return Done(**fields)


def _understood(decode: Callable[[Any], T], line: bytes) -> T | None:
    """What `line` says; `None` where it is broken, or somebody else's."""
    try:
        return decode(json.loads(line))
    except _BROKEN:
        return None


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _id(path: str) -> bytes:
    return hashlib.blake2b(os.fsencode(path), digest_size=_ID_CHARACTERS // 2).hexdigest().encode()


def _serves(transcript: Transcript, asked: JobOptions, wanted: JobOptions) -> bool:
    """Whether what was given for `asked` is as good as what `wanted` would give."""
    words = asked.words or not wanted.words or transcript.timing == "word"
    return words and (asked.timed or not wanted.timed or transcript.timing != "piece")


def _make_private(folder: str, *inner: str) -> None:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name in inner:
        folder = os.path.join(folder, name)
        os.makedirs(folder, mode=0o700, exist_ok=True)
