"""The one place where errors end: each becomes a line on stderr and an exit code."""

import re
import signal
from collections.abc import Iterator, Sequence

from typer import Abort, TyperException

from audiocli.cli.app import COMMANDS, app_for, spelt_out
from audiocli.cli.wording import in_options
from audiocli.cli.world import World, real_world
from audiocli.errors import AudiocliError, Interrupted
from audiocli.nearness import did_you_mean
from audiocli.printable import escaped, one_line
from audiocli.secret import redact_key_shapes

LONGEST_LINE = 1000
_NOT_A_NUMBER = re.compile("is not a valid (int|float)( range)?")
SIGPIPE = 13  # signal.SIGPIPE, which Windows does not have


def run(arguments: Sequence[str]) -> int:
    """Run a command line. Returns an exit code, whatever happens."""
    world = real_world()
    try:
        app = app_for(arguments)
        code = app(args=spelt_out(arguments), prog_name="audiocli", standalone_mode=False, obj=world)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # Typer makes this of it.
            return _stop_writing(world)
        return error.code if isinstance(error.code, int) else 0  # Completion ends so.
    except (KeyboardInterrupt, Abort):
        return report(world, arguments, Interrupted(signal.SIGINT))
    except BaseException as error:  # the boundary: everything ends here
        return report(world, arguments, error)
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


def report(world: World, arguments: Sequence[str], error: BaseException) -> int:
    """Say what went wrong; returns the exit code."""
    world.progress.hide()
    code = _exit_code(error)
    message, hint = _told(error, arguments)
    details = list(_details(error)) if world.verbose else []
    if _wants_json(arguments):
        import json

        document = _document(error, message, hint, code, world.notes)
        document |= {"details": details} if details else {}
        world.say(escaped(json.dumps(document, ensure_ascii=False)))
        return code
    line = "; ".join(part for part in (message, hint) if part)
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    for fault in getattr(error, "further", ()):
        world.complain(one_line(str(fault), LONGEST_LINE))
    for detail in details:
        world.say(f"audiocli: {detail}" if isinstance(error, AudiocliError) else detail)
    world.complain(one_line(f"{line}{notes}", LONGEST_LINE))
    return code


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are JSON; what has not been understood as a whole may say so as well."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return not {"--json", "--jsonl"}.isdisjoint(options)


def _exit_code(error: BaseException) -> int:
    return error.exit_code if isinstance(error, AudiocliError | TyperException) else 1


def _told(error: BaseException, arguments: Sequence[str]) -> tuple[str, str | None]:
    """What happened, and what to do."""
    match error:
        case AudiocliError():
            error = in_options(error)
            return error.message, error.hint
        case TyperException():
            return _usage_message(error), _usage_hint(error, arguments)
        case MemoryError():
            return "there is not enough memory", "use a smaller file"
    what = redact_key_shapes(f"internal error: {type(error).__name__}: {error}")
    return what, "run it again with -v, and report what it says"


def _usage_message(error: TyperException) -> str:
    if (name := _unknown_option(error)) is not None:
        return f"unknown option {name}"
    message = _NOT_A_NUMBER.sub("is not a number", error.format_message().strip().rstrip("."))
    return message[:1].lower() + message[1:]


def _usage_hint(error: TyperException, arguments: Sequence[str]) -> str:
    command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    if command == "ask" and "extra argument" in error.format_message():
        return "put the question in quotes"
    if (name := _unknown_option(error)) is not None and (meant := _meant_option(error, name)):
        return meant
    return f"see {' '.join(filter(None, ('audiocli', command, '--help')))}"


def _unknown_option(error: TyperException) -> str | None:
    """The option that a command does not have, if that is what is wrong."""
    # The class is not exported; none but it has `possibilities`.
    return getattr(error, "option_name", None) if hasattr(error, "possibilities") else None


def _meant_option(error: TyperException, name: str) -> str | None:
    context = getattr(error, "ctx", None)
    if context is None or not name.startswith("--"):
        return None
    parameters = context.command.get_params(context)
    options = [option for each in parameters for option in (*each.opts, *each.secondary_opts)]
    return did_you_mean(name, [option for option in options if option.startswith("--")])


def _document(
    error: BaseException, message: str, hint: str | None, code: int, notes: Sequence[str]
) -> dict[str, object]:
    """An error as `--json` prints it; what was received of an answer goes with it."""
    members = {name: getattr(error, name, None) for name in ("status", "code", "param", "transcript", "kept")}
    told: dict[str, object] = {
        "message": one_line(message, LONGEST_LINE),
        "hint": hint,
        "type": type(error).__name__,
        "exit_code": code,
    }
    further = [one_line(str(each), LONGEST_LINE) for each in getattr(error, "further", ())]
    told |= {"further": further} if further else {}
    return {"schema": 1, "error": told | members, "notes": [*notes, *getattr(error, "__notes__", ())]}


def _details(error: BaseException) -> Iterator[str]:
    """What `-v` adds: where an internal error comes from; what else is known of another one."""
    if isinstance(error, TyperException | Interrupted):
        return
    if not isinstance(error, AudiocliError):
        yield from _trace(error)
        return
    facts = {name: getattr(error, name, None) for name in ("status", "type", "code", "param", "retry_after")}
    told = [f"{name} {value}" for name, value in facts.items() if value is not None]
    if told:
        yield one_line(redact_key_shapes(f"{type(error).__name__}: {', '.join(told)}"))
    for cause in _causes(error):
        yield one_line(redact_key_shapes(f"caused by {type(cause).__name__}: {cause}"), LONGEST_LINE)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield cause
        yield from _causes(cause)


def _trace(error: BaseException) -> Iterator[str]:
    import traceback

    for line in traceback.format_exception(error):
        yield redact_key_shapes(line).rstrip("\n")
