"""What was chosen on the command line of `audiocli caps`."""

from dataclasses import dataclass

ABILITIES = (
    "audio-input",
    "audio-output",
    "text-input",
    "text-output",
    "streaming",
    "word-times",
    "segment-times",
    "speakers",
)


@dataclass(frozen=True, kw_only=True)
class CapsOptions:
    """What was chosen on the command line."""

    models: tuple[str, ...]
    takes_audio: bool
    speaks: bool
    provider: str | None
    can: str | None
    server: str | None
    refresh: bool
    config: str | None
    json: bool
