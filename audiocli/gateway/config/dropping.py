"""What is left out of a request, because a deployment does not take it."""

from collections.abc import Iterable

from audiocli.catalog import Capabilities
from audiocli.config.values import Params
from audiocli.errors import ConfigError
from audiocli.printable import quoted
from audiocli.router import Deployment

UNSUPPORTED = frozenset(
    {"audio", "modalities", "prompt", "timestamp_granularities[]", "chunking_strategy"}
    | {"speed", "instructions"}
)
"""Members that models, or services, are known not to take."""

_NEEDED = frozenset({"model", "messages", "stream", "stream_options", "input", "file", "response_format"})
"""Without these an answer would not be what the client asked for, or none."""

_KEY = "additional_drop_params"


def read_names(values: Params) -> frozenset[str]:
    """What a row leaves out whatever is known. Raises `ConfigError` for what a request needs."""
    names = frozenset(values.names(_KEY))
    if needed := names & _NEEDED:
        where = values.section.where(_KEY)
        raise ConfigError(f"{where}: {quoted(min(needed))} cannot be left out of a request")
    return names


def dropped(deployment: Deployment) -> frozenset[str]:
    """The members that are left out of a request to `deployment`: those that its row names, and, where it
    drops what is not supported, those that it is known not to take.
    """
    if not deployment.drops_unsupported:
        return deployment.drop
    return deployment.drop | _unsupported(deployment.target.capabilities) | _unspoken(deployment)


def droppable(deployments: Iterable[Deployment]) -> frozenset[str]:
    """All that may be left out of a request, whichever of `deployments` it goes to."""
    found = (each.drop | (UNSUPPORTED if each.drops_unsupported else frozenset()) for each in deployments)
    return frozenset().union(*found)


def _unsupported(known: Capabilities | None) -> frozenset[str]:
    """What a model does not do; what nobody knows is left for the service to judge."""
    if known is None:
        return frozenset()
    does = {
        "audio": known.audio_output,
        "modalities": known.audio_output,
        "prompt": known.prompt,
        "timestamp_granularities[]": known.word_times,
    }
    return frozenset(name for name, able in does.items() if able is False)


def _unspoken(deployment: Deployment) -> frozenset[str]:
    """What a service has no field for."""
    return UNSUPPORTED & deployment.target.untaken
