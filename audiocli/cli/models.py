"""Which model a command asks, and what is said about it."""

from collections.abc import Mapping, Sequence

from audiocli.cli.world import World
from audiocli.config import Config
from audiocli.errors import MisspeltModelError
from audiocli.providers.naming import is_usual, keys_for, resolve
from audiocli.providers.suiting import Purpose, Wanted
from audiocli.providers.target import LOCAL_WIRE, Target

_EMBEDDED: Mapping[Purpose, str] = {
    "chat": "answering with the embedded demo model, which is small and often wrong",
    "transcription": "hearing with the embedded recogniser, which knows clear English",
}


def find_model(
    settings: Config, name: str | None, base_url: str | None, purpose: Purpose, wanted: Wanted, *, force: bool
) -> Target:
    """The model of that name, or the one that suits best; see `resolve`."""
    try:
        return resolve(settings, name, base_url, purpose=purpose, wanted=wanted, force=force)
    except MisspeltModelError as error:
        error.hint = f"{error.hint} --force sends it as it is"
        raise


def note_choice(world: World, target: Target, purpose: Purpose, wanted: Wanted) -> None:
    """Say which model was chosen, if nobody named it and it is not the usual one."""
    if not target.chosen or is_usual(target):
        return
    if target.wire != LOCAL_WIRE:
        world.note(f"asking {target.name}, as {target.endpoint.key_variable} is set; -m names another")
        return
    keys = keys_for(purpose, wanted)
    world.note(f"{_EMBEDDED[purpose]}; for a better one set {_either(keys)}, or see --model and --base-url")


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
