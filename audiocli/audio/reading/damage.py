"""Whatever a reader raises is the fault of the file that it reads, and ends nothing but that file."""

from collections.abc import Iterator
from contextlib import contextmanager

from audiocli.errors import AudiocliError, InputError
from audiocli.printable import one_line, quoted


class UnreadableError(InputError):
    """A reader failed as nobody expected it to: on damage, or by a fault of its own. Its cause says how."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns every exception but our own into an `UnreadableError` that calls the file `name`."""
    try:
        yield
    except AudiocliError:
        raise
    except MemoryError as exc:
        raise UnreadableError(
            f"{quoted(name)} needs more memory than there is", hint="use a smaller file"
        ) from exc
    except Exception as exc:
        problem = one_line(f"{type(exc).__name__}: {exc}", 200)
        raise UnreadableError(
            f"cannot read {quoted(name)}: {problem}", hint="the file may be damaged; convert it again"
        ) from exc
