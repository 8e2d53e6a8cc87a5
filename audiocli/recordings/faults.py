"""What an error says about the requests that have not been sent yet."""

import errno
from collections.abc import Sequence

from audiocli.errors import (
    AudiocliError,
    AuthenticationError,
    CapabilityError,
    ConnectError,
    DependencyError,
    OutputError,
    RateLimitError,
    RejectedError,
    UsageError,
)

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_common(error: AudiocliError) -> bool:
    """Whether every other request would fail in the same way, be it for this recording or for another.

    So does one with a wrong key, with a quota that is used up, to a model that is not there, and one whose
    transcript cannot be written because the disk is full.
    """
    match error:
        case AuthenticationError() | UsageError() | CapabilityError() | DependencyError():
            return True
        case RateLimitError():
            return not error.retryable
        case RejectedError():
            return error.status == 404
        case OutputError():
            return isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL
    return False


def is_out_of_reach(error: AudiocliError) -> bool:
    """Whether the service was not to be had, which it may be for the next request."""
    return isinstance(error, ConnectError)


def named(error: AudiocliError, pieces: Sequence[tuple[float, float]]) -> AudiocliError:
    """`error`, its message led by the times of the first of `pieces` (seconds), which it was raised for."""
    start, end = pieces[0]
    others = len(pieces) - 1
    more = f" (and {others} more {'piece' if others == 1 else 'pieces'})" if others else ""
    error.message = f"{clock(start)}–{clock(end)}{more}: {error.message}"  # noqa: RUF001 - a range has a dash
    error.args = (error.message,)
    return error


def clock(seconds: float) -> str:
    """`0:57:00`, or `0:57:00.5` where a second is too coarse."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}" + (f".{tenth}" if tenth else "")
