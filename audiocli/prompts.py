"""Texts that a user writes for a model: they must be text, and there must be something to see."""

from audiocli.errors import InputError, UsageError
from audiocli.printable import is_blank


def check_prompt(text: str | None, name: str) -> None:
    """Raise `InputError` if `text` is not UTF-8, and `UsageError` if nothing in it can be seen.

    `name` says what it is. An empty text counts as none.
    """
    if not text:
        return
    check_utf8(text, name)
    if is_blank(text):
        raise UsageError(f"{name} has nothing but white space in it", hint="leave it out, or write one")


def check_utf8(text: str | None, name: str) -> None:
    """Raise `InputError` if `text` has bytes that were not UTF-8, as Python keeps them: in surrogates."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise InputError(f"{name} is not valid UTF-8") from None
