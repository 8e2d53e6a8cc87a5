"""A multipart form that arrives in blocks, taken apart: its text is kept, its file is written elsewhere."""

from collections.abc import Callable

from audiocli.chat import AudioSource
from audiocli.errors import InputError
from audiocli.printable import quoted
from audiocli.wire.openai.transcription import Form
from audiocli.wire.splicing.form_scan import FormScanner, file_name

FILE = "file"
MAX_TEXT_BYTES = 256 * 1024  # of all fields together


class FormReader(FormScanner):
    """Takes a form apart while it arrives. `write` gets the bytes of the part called `file`, in order.

    `feed` and `close` raise what `FormScanner`'s do, and `InputError` for too much text, a field that comes
    twice, and a form without a file. A field whose name ends in `[]` is a list, and may come often.
    """

    def __init__(self, boundary: bytes, write: Callable[[bytes], object]) -> None:
        super().__init__(boundary, frozenset())
        self._write = write
        self._fields: list[tuple[str, bytearray]] = []
        self._text_bytes = 0
        self._file_name: str | None = None

    def form(self, source: AudioSource) -> Form:
        """The form, of which `source` has what was written. Raises `InputError`."""
        if self._file_name is None:
            raise InputError("the form has no file", hint="send the recording as file", param=FILE)
        fields = tuple((name, _text(name, value)) for name, value in self._fields)
        return Form(fields, source, self._file_name, "application/octet-stream", FILE)

    def _begin(self, written: bytes) -> None:
        before = frozenset(self.names)
        super()._begin(written)
        if self._name in before and not self._name.endswith("[]"):
            raise InputError(f"the form has {quoted(self._name)} twice", param=self._name)
        if self._name == FILE:
            self._file_name = file_name(self._parameters)
        else:
            self._fields.append((self._name, bytearray()))

    def _pass_by(self, window: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            self._write(window[start:end])
            return
        self._text_bytes += end - start
        if self._text_bytes > MAX_TEXT_BYTES:
            raise InputError(f"{quoted(self._name)} in the form is too long", param=self._name)
        self._fields[-1][1].extend(window[start:end])


def _text(name: str, value: bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InputError(f"{quoted(name)} in the form is not UTF-8", param=name) from None
