"""The one place where errors end: each becomes a line on stderr and an exit code."""

import signal
from collections.abc import Sequence

from typer import Abort, TyperException

from audiocli.cli.app import COMMANDS, app_for
from audiocli.cli.world import World, real_world
from audiocli.errors import AudiocliError, Interrupted
from audiocli.printable import one_line
from audiocli.secret import redact_key_shapes

LONGEST_LINE = 1000
SIGPIPE = 13  # signal.SIGPIPE, which Windows does not have


def run(arguments: Sequence[str]) -> int:
    """Run a command line. Returns an exit code, whatever happens."""
    world = real_world()
    try:
        app = app_for(arguments)
        code = app(args=list(arguments), prog_name="audiocli", standalone_mode=False, obj=world)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # Typer makes this of it.
            return _stop_writing(world)
        return error.code if isinstance(error.code, int) else 0  # Completion ends so.
    except (KeyboardInterrupt, Abort):
        return _report(world, arguments, Interrupted(signal.SIGINT))
    except BaseException as error:  # the boundary: everything ends here
        return _report(world, arguments, error)
    return _flushed(world, code if isinstance(code, int) else 0)


def _flushed(world: World, code: int) -> int:
    try:
        world.answer("")
    except BrokenPipeError:
        return _stop_writing(world)
    except AudiocliError:
        pass  # Whoever wrote something has been told; a command that writes nothing needs no stdout.
    return code


def _stop_writing(world: World) -> int:
    """End as a program does that the signal ends which a closed pipe sends."""
    world.drop_stdout()
    return 128 + SIGPIPE


def _report(world: World, arguments: Sequence[str], error: BaseException) -> int:
    world.progress.hide()
    code = _exit_code(error)
    message, hint = _told(error, arguments)
    if {"--json", "--jsonl"} & set(arguments):
        import json

        world.say(json.dumps(_document(error, message, hint, code, world.notes), ensure_ascii=False))
        return code
    line = ": ".join(part for part in ("audiocli", message, hint) if part)
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    world.say(one_line(line + notes, LONGEST_LINE))
    if {"-v", "-vv", "--verbose"} & set(arguments) and not isinstance(error, TyperException):
        _trace(world, error)
    return code


def _exit_code(error: BaseException) -> int:
    return error.exit_code if isinstance(error, AudiocliError | TyperException) else 1


def _told(error: BaseException, arguments: Sequence[str]) -> tuple[str, str | None]:
    """What happened, and what to do."""
    match error:
        case AudiocliError():
            return error.message, error.hint
        case TyperException():
            return _usage_message(error), _usage_hint(error, arguments)
        case MemoryError():
            return "there is not enough memory", "use a smaller file"
    what = redact_key_shapes(f"internal error: {type(error).__name__}: {error}")
    return what, "run it again with -v, and report what it says"


def _usage_message(error: TyperException) -> str:
    message = error.format_message().strip().rstrip(".")
    return message[:1].lower() + message[1:]


def _usage_hint(error: TyperException, arguments: Sequence[str]) -> str:
    command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    if command == "ask" and "extra argument" in error.format_message():
        return "put the question in quotes"
    return f"see {' '.join(filter(None, ('audiocli', command, '--help')))}"


def _document(
    error: BaseException, message: str, hint: str | None, code: int, notes: Sequence[str]
) -> dict[str, object]:
    """An error as `--json` prints it; what was received of an answer goes with it."""
    members = {name: getattr(error, name, None) for name in ("status", "code", "param", "transcript", "kept")}
    told = {
        "message": one_line(message, LONGEST_LINE),
        "hint": hint,
        "type": type(error).__name__,
        "exit_code": code,
    }
    return {"schema": 1, "error": told | members, "notes": [*notes, *getattr(error, "__notes__", ())]}


def _trace(world: World, error: BaseException) -> None:
    import traceback

    for line in traceback.format_exception(error):
        world.say(redact_key_shapes(line), end="")
