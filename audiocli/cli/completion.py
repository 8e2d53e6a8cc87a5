"""Completion for shells: the script for one of them, and where it goes."""

import os

from audiocli.errors import OutputError, UsageError
from audiocli.nearness import did_you_mean
from audiocli.printable import quoted

PROGRAM = "audiocli"
VARIABLE = "_AUDIOCLI_COMPLETE"
"""What a shell sets to have words completed."""

_INSTALLED = ("bash", "zsh", "fish")
_SHOWN = (*_INSTALLED, "powershell", "pwsh")


def show(shell: str) -> str:
    """The script for `shell`, or without a name for the one that has started this process."""
    # Typer exports nothing of this; pyproject.toml holds it to one minor version.
    from typer._completion_shared import get_completion_script

    named = _named(shell, _SHOWN)
    return get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=named)


def install(shell: str) -> str:
    """Install the script for `shell`; returns a sentence that says where. Raises `OutputError`."""
    from typer._completion_shared import install as install_script

    named = _named(shell, _INSTALLED)
    try:
        _, path = install_script(shell=named, prog_name=PROGRAM, complete_var=VARIABLE)
    except OSError as error:
        where = f" in {quoted(str(error.filename))}" if error.filename else ""
        raise OutputError(f"cannot install the completion{where} ({error.strerror})") from error
    return f"completion for {named} installed in {path}; it works in the next shell that is started"


def _named(shell: str, known: tuple[str, ...]) -> str:
    name = shell.lower() or _current()
    if name in known:
        return name
    if name in _SHOWN:  # Typer would lift the machine's restrictions on scripts.
        hint = f"add what {PROGRAM} --show-completion {name} prints to your $PROFILE"
        raise UsageError(f"the completion for {name} is not installed automatically", hint=hint)
    hint = did_you_mean(name, known) or f"name one of {', '.join(known)}"
    raise UsageError(f"unknown shell {quoted(name)}" if name else "cannot detect the shell", hint=hint)


def _current() -> str:
    """The shell that has started this process; else the user's own."""
    import shellingham

    try:
        return str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        return os.path.basename(os.environ.get("SHELL", ""))
