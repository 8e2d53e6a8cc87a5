"""Every error ends as one line and an exit code; details are for those who ask."""

import io
import json

import pytest

from audiocli.cli.boundary import report
from audiocli.cli.colour import Colour
from audiocli.cli.world import World
from audiocli.errors import AudiocliError, ConnectError, InputError


def reported(
    error: BaseException, *arguments: str, verbose: int = 0, colour: Colour = "auto"
) -> tuple[int, str]:
    stderr = io.StringIO()
    world = World(None, None, stderr, {}, verbose=verbose, colour=colour)
    return report(world, arguments, error), stderr.getvalue()


def raised(error: Exception) -> Exception:
    """`error`, which knows where it was raised."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        fail()
    return error


def test_what_happened_and_what_to_do_are_parted_by_a_semicolon() -> None:
    code, said = reported(InputError("no such file: x", hint="name one"))
    assert (code, said) == (2, "audiocli: no such file: x; name one\n")


def test_only_an_internal_error_has_a_traceback() -> None:
    for verbose in (0, 1):
        code, said = reported(raised(ValueError("oops")), verbose=verbose)
        assert (code, "Traceback" in said) == (1, bool(verbose))
        assert said.splitlines()[-1].startswith("audiocli: internal error: ValueError: oops")
        code, said = reported(raised(InputError("no such file")), verbose=verbose)
        assert (code, "Traceback" in said) == (2, False)


def test_details_name_the_cause_and_what_the_service_said() -> None:
    error = ConnectError("refused", status=502, code="upstream")
    error.__cause__ = OSError(111, "Connection refused")
    _, said = reported(error, verbose=1)
    assert said.splitlines() == [
        "audiocli: ConnectError: status 502, code upstream",
        "audiocli: caused by ConnectionRefusedError: [Errno 111] Connection refused",
        "audiocli: refused; check the address and the network",
    ]


def test_details_do_not_hold_a_key() -> None:
    error = InputError("no")
    error.__cause__ = ValueError("Bearer sk-proj-0123456789abcdefghijklmnopqrstuvwxyz")
    assert "0123456789abcdefghij" not in reported(error, verbose=1)[1]


@pytest.mark.parametrize("verbose", [0, 1])
def test_json_stays_one_document(verbose: int) -> None:
    _, said = reported(ValueError("oops"), "ask", "--json", verbose=verbose)
    assert ("details" in json.loads(said)) == bool(verbose)


def test_json_after_two_dashes_is_a_prompt() -> None:
    _, said = reported(AudiocliError("no"), "ask", "--", "--json")
    assert said == "audiocli: no\n"


def test_an_error_is_coloured_by_its_name_alone() -> None:
    _, said = reported(AudiocliError("no\x1b[2J"), colour="always")
    assert said == "\x1b[1;31maudiocli:\x1b[0m no [2J\n"
