"""What was chosen on the command line of `audiocli serve`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What was chosen on the command line; the fields are the parameters of `serve`."""

    config: str | None
    host: str
    port: int
    workers: int
    check: bool
    print_config: bool
    grace: float
    docs: bool
    json: bool
    quiet: bool
    verbose: int
    color: str
