"""What the routes work with, made of one loaded config. A request keeps the one it began with."""

from dataclasses import dataclass, field

from audiocli.gateway.booking import Books
from audiocli.gateway.config.settings import Settings
from audiocli.gateway.engines import Engines
from audiocli.gateway.incoming import Kept
from audiocli.gateway.metrics import Metrics
from audiocli.gateway.upstream import Upstream
from audiocli.router import Router


@dataclass
class Condition:
    """How the process is doing. While it is `draining` it answers what has begun, and wants nothing else."""

    draining: bool = False


@dataclass(frozen=True)
class State:
    settings: Settings
    router: Router
    upstream: Upstream
    metrics: Metrics
    books: Books
    engines: Engines = field(default_factory=Engines)
    kept: Kept = field(default_factory=Kept)
    condition: Condition = field(default_factory=Condition)
