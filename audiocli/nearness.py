"""Which known name a misspelt one stands for."""

from collections.abc import Iterable, Sequence

_SHORTEST_BEGINNING = 3  # characters from which on a name's beginning is taken for the name
_SEPARATORS = str.maketrans(dict.fromkeys("-_./: ", ""))


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Those of `known` that `name` may be a misspelling of, or the beginning of: the nearest first.

    Upper and lower case are the same.
    """
    ranked = [(rank, each) for each in dict.fromkeys(known) if (rank := _rank(name, each)) is not None]
    best = min((rank[0] for rank, _ in ranked), default=0)
    # What needs twice the changes is not meant.
    return [each for rank, each in sorted(ranked) if rank[0] <= 2 * best][:most]


def nearest_model(name: str, known: Sequence[str], most: int = 3) -> list[str]:
    """The same for models: one of that name at any provider first, then one whose name is near."""
    last = _last(name)
    same = [each for each in known if _last(each) == last]
    if same or (near := nearest(name, known, most)):
        return (same or near)[:most]
    by_last = {_last(each): each for each in reversed(known)}
    return [by_last[each] for each in nearest(last, by_last, most)]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """`did you mean ask?`; `None` if no name is near."""
    near = nearest(name, known)
    return f"did you mean {' or '.join(near)}?" if near else None


def misspells(name: str, known: str) -> bool:
    """Whether `name` is so near to `known` that it is more likely a slip than a name of its own.

    Names that differ in more than one digit, as `gpt-audio-2` and `gpt-audio`, are two versions.
    """
    distance = _distance(_folded(name), _folded(known), _limit(known))
    if distance is None or distance == 0:
        return distance == 0 and name != known
    return distance == 1 or _letters(name) != _letters(known)


def _rank(name: str, known: str) -> tuple[float, int] | None:
    """How far apart they are: changes first, then lengths. `None` for what is too far."""
    given, wanted = _folded(name), _folded(known)
    if given.translate(_SEPARATORS) == wanted.translate(_SEPARATORS):
        return (0.5, 0)
    distance = _distance(given, wanted, _limit(known))
    if distance is not None:
        return (distance, abs(len(given) - len(wanted)))
    if len(given) >= _SHORTEST_BEGINNING and wanted.startswith(given):
        return (2, len(wanted) - len(given))
    return None


def _limit(known: str) -> int:
    """How many changes a name of that length may have: 1 of `ask`, 2 of `--model`, 3 of `gpt-audio-1.5`."""
    return max(1, min(3, len(known) // 4))


def _folded(name: str) -> str:
    return name.strip().casefold()


def _last(model: str) -> str:
    return _folded(model).rpartition("/")[2]


def _letters(name: str) -> str:
    return "".join(character for character in _folded(name) if character.isalpha())


def _distance(one: str, other: str, limit: int) -> int | None:
    """Insertions, deletions, replacements and swaps of neighbours that make one of the other, up to `limit`.

    The optimal string alignment distance.
    """
    if abs(len(one) - len(other)) > limit:
        return None
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, character in enumerate(one, 1):
        current = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (character != wanted))
            if row > 1 and column > 1 and character == other[column - 2] and one[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return None
        before, last = last, current
    return last[-1] if last[-1] <= limit else None
