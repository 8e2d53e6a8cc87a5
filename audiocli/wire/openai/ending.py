"""Whether a stream of chat completion chunks came to its end, or was cut off."""

from typing import Any

from audiocli.errors import ReplyError


class Ending:
    """Knows the choices of an answer, and which of them have finished.

    `[DONE]` is enough for an answer of which no choice says how it finished, as OpenAI's spoken ones. Any
    other is whole when each choice that has begun has finished, and without `[DONE]`, when `count` have.
    """

    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._begun: set[int] = set()
        self._finished: set[int] = set()

    def see(self, index: int, finish_reason: Any) -> None:
        """A choice has come, with how it finished if it has."""
        self._begun.add(index)
        if isinstance(finish_reason, str) and finish_reason:
            self._finished.add(index)

    def check(self, *, done: bool) -> None:
        """Raise `ReplyError` for a stream that has ended too early; `done` says whether `[DONE]` came."""
        unfinished = self._begun - self._finished
        cut = unfinished and self._finished if done else unfinished or len(self._finished) < self._count
        if cut:
            raise ReplyError("the answer was cut off: the stream ended early")


def index_of(choice: dict[str, Any]) -> int:
    """The number of a choice; one without is the first."""
    index = choice.get("index")
    return index if isinstance(index, int) else 0
