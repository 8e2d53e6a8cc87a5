"""Errors of the library, in the words of the command line."""

import re

from audiocli.errors import AudiocliError

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""


def in_options(error: AudiocliError) -> AudiocliError:
    """`error`, in whose text the arguments that it is about are named as options: `start` as `--start`."""
    for name in error.arguments:
        error.message = _with_option(error.message, name)
        error.hint = error.hint and _with_option(error.hint, name)
    error.arguments = ()
    error.args = (error.message,)
    return error


def _with_option(text: str, name: str) -> str:
    """What is quoted is somebody else's: a file may have an argument's name."""
    word = re.compile(rf"{_QUOTED}|(?<![\w-])(?P<name>{re.escape(name)})(?![\w-])")
    option = f"--{name.replace('_', '-')}"
    return word.sub(lambda found: option if found["name"] else found[0], text)
