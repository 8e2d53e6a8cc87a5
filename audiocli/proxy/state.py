"""What the routes work with, made of one loaded config. A request keeps the one it began with."""

from dataclasses import dataclass, field

from audiocli.proxy.booking import Books
from audiocli.proxy.engines import Engines
from audiocli.proxy.incoming import Kept
from audiocli.proxy.metrics import Metrics
from audiocli.proxy.settings import Settings
from audiocli.proxy.upstream import Upstream
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
