"""Which deployment answers a request: chosen by a strategy, counted, and left alone while it is broken.

No I/O: the clock and the dice are passed in. What is counted is of this process.
"""

import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from audiocli.errors import (
    AuthenticationError,
    ConnectError,
    ProviderError,
    RateLimitError,
    ReplyError,
    UnknownModelError,
)
from audiocli.printable import quoted
from audiocli.providers.registry import Target

Strategy = Literal["simple-shuffle", "least-busy", "latency-based-routing"]
Clock = Callable[[], float]

FIRST_DELAY_SECONDS = 0.5  # 0.5 s, 1 s, 2 s, 4 s, 8 s, 8 s, …
LONGEST_DELAY_SECONDS = 8.0  # A service that wants a longer one is asked by the client, who is told when.
LATENCY_WEIGHT = 0.2  # of the latest request, in the moving average
LATENCY_MARGIN = 1.1  # deployments that are at most so much slower than the fastest share its requests
WINDOW_SECONDS = 60.0

RESET = "upstream_reset"
"""The code of a `ConnectError` for a connection that broke. It may have been old, and its server be well."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One place where a model is served, under the name `group`, which clients use.

    Deployments of the lowest `order` are used while one of them is healthy; `weight` is a deployment's share
    among those. `rpm` and `tpm` are the requests and tokens that it takes in a minute, `timeout` the seconds
    that one try may take, `retries` how often it may be asked again for one request, where the policy does
    not say that. `extra_body` is added to what is sent; `drop`, and with `drops_unsupported` what the model
    is known not to take, is left out of it.
    """

    id: str
    group: str
    target: Target
    timeout: float | None = None
    retries: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    weight: float | None = None
    order: int = 1
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    drop: frozenset[str] = frozenset()
    drops_unsupported: bool = False
    model_info: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How deployments are chosen, and what is done where one fails.

    A request is tried `retries` times more in its group, or once at each of its deployments where these are
    more, then in the groups of `fallbacks`, or in `default_fallbacks` where its own group has none. A
    deployment that fails more than `allowed_fails` times in a minute is left alone for `cooldown_time`
    seconds. `aliases` are further names of groups; those that are `hidden` are in no list.
    """

    strategy: Strategy = "simple-shuffle"
    retries: int = 2
    allowed_fails: int = 3
    cooldown_time: float = 5.0
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    default_fallbacks: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()


@dataclass
class Health:
    """How a deployment is doing; times are the clock's. `latency` is the average to the first byte."""

    in_flight: int = 0
    latency: float | None = None
    cooling_until: float = 0.0
    last_error: str | None = None
    last_success: float | None = None
    fails: deque[float] = field(default_factory=deque)
    requests: deque[float] = field(default_factory=deque)
    tokens: deque[tuple[float, int]] = field(default_factory=deque)


Expand = Callable[[Deployment, str], Deployment]
"""A wildcard's deployment for the part of a name that its `*` stands for."""


class Router:
    """Finds the deployments of a name, and remembers how they do. Raises `UnknownModelError`.

    What a `former` router knows of deployments that are still there, it knows as well.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        policy: Policy,
        *,
        expand: Expand = lambda deployment, matched: deployment,
        former: "Router | None" = None,
        clock: Clock = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy
        self.deployments = tuple(deployments)
        self._groups: dict[str, list[Deployment]] = {}
        for deployment in deployments:
            self._groups.setdefault(deployment.group, []).append(deployment)
        # The most specific pattern first.
        self._patterns = sorted((name for name in self._groups if "*" in name), key=len, reverse=True)
        known = former._health if former else {}
        self._health: dict[str, Health] = {each.id: known.get(each.id) or Health() for each in deployments}
        self._expand = expand
        self._clock = clock
        self._dice = dice

    @property
    def names(self) -> tuple[str, ...]:
        """What a client may ask for, as lists show it: groups that are no patterns, and aliases."""
        own = (name for name in self._groups if "*" not in name)
        shown = (name for name in self.policy.aliases if name not in self.policy.hidden)
        return tuple(dict.fromkeys((*own, *shown)))

    def group(self, name: str) -> tuple[Deployment, ...]:
        """The deployments behind `name`: an alias, a group, or what a wildcard matches."""
        name = self.policy.aliases.get(name, name)
        if name in self._groups and "*" not in name:
            return tuple(self._groups[name])
        for pattern in self._patterns:
            if (part := matched(pattern, name)) is not None:
                return tuple(self._expand(each, part) for each in self._groups[pattern])
        raise UnknownModelError(f"there is no model {quoted(name)} here", hint="GET /v1/models lists them")

    def course(self, name: str) -> "Course":
        """The way of one request for `name` from deployment to deployment."""
        return Course(self, [(name, self.group(name)), *self._fallbacks(name)])

    def health(self, deployment: Deployment) -> Health:
        return self._health[deployment.id]

    def is_cooling(self, deployment: Deployment) -> bool:
        return self.health(deployment).cooling_until > self._clock()

    def began(self, deployment: Deployment) -> None:
        """A request goes to `deployment`; `ended` is called exactly once for it."""
        health = self.health(deployment)
        health.in_flight += 1
        if deployment.rpm is not None:
            health.requests.append(self._clock())

    def ended(
        self,
        deployment: Deployment,
        error: ProviderError | None = None,
        *,
        latency: float | None = None,
        tokens: int = 0,
    ) -> None:
        """It was answered after `latency` seconds, or failed. A request that a client left is neither."""
        health, now = self.health(deployment), self._clock()
        health.in_flight -= 1
        if deployment.tpm is not None and tokens:
            health.tokens.append((now, tokens))
        if error is not None:
            self._count_failure(health, error, now)
        elif latency is not None:
            health.fails.clear()
            health.last_error, health.last_success = None, now
            known = latency if health.latency is None else health.latency
            health.latency = known + LATENCY_WEIGHT * (latency - known)

    def _count_failure(self, health: Health, error: ProviderError, now: float) -> None:
        if not is_deployments_fault(error):
            return
        health.last_error = type(error).__name__
        health.fails.append(now)
        _forget(health.fails, now - WINDOW_SECONDS)
        if _is_lasting(error) or len(health.fails) > self.policy.allowed_fails:
            pause = self.policy.cooldown_time if error.retry_after is None else error.retry_after
            health.cooling_until = max(health.cooling_until, now + pause)

    def _fallbacks(self, name: str) -> Iterator[tuple[str, tuple[Deployment, ...]]]:
        name = self.policy.aliases.get(name, name)
        for other in self.policy.fallbacks.get(name, self.policy.default_fallbacks):
            if other != name:
                with suppress(UnknownModelError):  # Where there are wildcards, nobody has checked the name.
                    yield other, self._single(other) or self.group(other)

    def _single(self, id: str) -> tuple[Deployment, ...]:
        """The deployment with this id, which a fallback may name in place of a group."""
        return tuple(each for each in self.deployments if each.id == id and id not in self._groups)

    def choose(self, candidates: Sequence[Deployment]) -> Deployment | None:
        """The one of the healthy `candidates` that the strategy prefers; `None` where none is healthy."""
        healthy = [each for each in candidates if not self.is_cooling(each) and not self.wait_for(each)]
        if not healthy:
            return None
        first = min(each.order for each in healthy)
        return self._preferred([each for each in healthy if each.order == first])

    def _preferred(self, candidates: list[Deployment]) -> Deployment:
        match self.policy.strategy:
            case "least-busy":
                least = min(self.health(each).in_flight for each in candidates)
                candidates = [each for each in candidates if self.health(each).in_flight == least]
            case "latency-based-routing":
                # One that has not been measured yet is tried first.
                limit = LATENCY_MARGIN * min(self.health(each).latency or 0.0 for each in candidates)
                candidates = [each for each in candidates if (self.health(each).latency or 0.0) <= limit]
        return self._drawn(candidates)

    def _drawn(self, candidates: list[Deployment]) -> Deployment:
        if len(candidates) == 1:
            return candidates[0]
        shares = _shares(candidates)
        point = self._dice() * sum(shares)
        for each, share in zip(candidates, shares, strict=True):
            point -= share
            if point < 0:
                return each
        return candidates[-1]

    def wait_for(self, deployment: Deployment) -> float:
        """Seconds until `deployment` is within its own limits again; 0 where it is."""
        if deployment.rpm is None and deployment.tpm is None:
            return 0.0
        health, now = self.health(deployment), self._clock()
        _forget(health.requests, now - WINDOW_SECONDS)
        while health.tokens and health.tokens[0][0] <= now - WINDOW_SECONDS:
            health.tokens.popleft()
        if deployment.rpm is not None and len(health.requests) >= deployment.rpm:
            return health.requests[0] + WINDOW_SECONDS - now
        if deployment.tpm is not None and sum(tokens for _, tokens in health.tokens) >= deployment.tpm:
            return health.tokens[0][0] + WINDOW_SECONDS - now
        return 0.0

    def backoff(self, attempt: int) -> float:
        """Seconds before a deployment is asked again, after its try number `attempt`, which counts from 0."""
        return min(FIRST_DELAY_SECONDS * 2.0**attempt, LONGEST_DELAY_SECONDS) * (1 - 0.25 * self._dice())


@dataclass(frozen=True)
class Try:
    """Where a request goes next, after `delay` seconds."""

    deployment: Deployment
    delay: float = 0.0


class Course:
    """One request's way: first where it may succeed at once, then, after a pause, where it failed before."""

    def __init__(self, router: Router, groups: Sequence[tuple[str, Sequence[Deployment]]]) -> None:
        self._router = router
        self._groups = list(groups)
        self._tries = 0  # in the present group
        self._asked: Counter[str] = Counter()  # by deployment
        self._failed: dict[str, ProviderError] = {}  # by deployment, the latest last

    def next(self, within: float = math.inf) -> Try | None:
        """`None` where nothing is left to try, or nothing that may be asked `within` so many seconds.

        Raises `RateLimitError` where every deployment is at its own limit.
        """
        while self._groups:
            name, group = self._groups[0]
            if self._tries <= self._most_retries(group) and (found := self._among(name, group, within)):
                self._tries += 1
                self._asked[found.deployment.id] += 1
                return found
            self._groups.pop(0)
            self._tries = 0
        return None

    def failed(self, deployment: Deployment, error: ProviderError) -> None:
        self._failed.pop(deployment.id, None)
        self._failed[deployment.id] = error

    def _most_retries(self, group: Sequence[Deployment]) -> int:
        """Where there are more deployments than retries, each may be asked once: one of them may be well."""
        own = (each.retries for each in group if each.retries is not None)
        retries = max((self._router.policy.retries, *own))
        return max(retries, len(group) - 1) if retries else 0

    def _may_be_asked_again(self, deployment: Deployment) -> bool:
        return deployment.retries is None or self._asked[deployment.id] <= deployment.retries

    def _among(self, name: str, group: Sequence[Deployment], within: float) -> Try | None:
        untried = [each for each in group if each.id not in self._failed]
        if chosen := self._router.choose(untried):
            return Try(chosen)
        if untried and (cooling := self._soonest(untried)):
            # Everything that is left has failed lately: it may have recovered, and nothing else can answer.
            return Try(cooling)
        if untried and not self._failed and len(self._groups) == 1:
            wait = min(self._router.wait_for(each) for each in untried)
            raise RateLimitError(
                f"the deployments of {quoted(name)} are at their own limits",
                hint="try again later",
                status=429,
                retry_after=wait,
            )
        failed = [each for each in group if each.id in self._failed and self._may_be_asked_again(each)]
        return self._again(failed, min(within, LONGEST_DELAY_SECONDS))

    def _soonest(self, candidates: Sequence[Deployment]) -> Deployment | None:
        within = [each for each in candidates if not self._router.wait_for(each)]
        return min(within, key=lambda each: self._router.health(each).cooling_until, default=None)

    def _again(self, failed: list[Deployment], within: float) -> Try | None:
        """The deployment whose failure is the longest ago, of those that may do better soon enough."""
        order = list(self._failed)
        for each in sorted(failed, key=lambda deployment: order.index(deployment.id)):
            error = self._failed[each.id]
            delay = error.retry_after
            delay = self._router.backoff(self._tries - 1) if delay is None else delay
            if error.retryable and delay <= within:
                return Try(each, delay)
        return None


def _shares(candidates: Sequence[Deployment]) -> Sequence[float]:
    """Their weights; where none has one, the requests or else the tokens that each may take in a minute."""
    weights = [each.weight for each in candidates]
    if any(weight is not None for weight in weights):
        return [1.0 if weight is None else weight for weight in weights]
    for limits in ([each.rpm for each in candidates], [each.tpm for each in candidates]):
        if all(limits):
            return [limit or 0 for limit in limits]
    return [1.0] * len(candidates)


def matched(pattern: str, name: str) -> str | None:
    """What the `*` of `pattern` stands for in `name`."""
    before, _, after = pattern.partition("*")
    if len(name) < len(before) + len(after) or not name.startswith(before) or not name.endswith(after):
        return None
    return name[len(before) : len(name) - len(after)]


def is_deployments_fault(error: ProviderError) -> bool:
    """Whether another deployment may do better; a request that is wrong is its client's fault."""
    return (
        error.retryable
        or isinstance(error, AuthenticationError | RateLimitError | ConnectError | ReplyError)
        or error.status == 404
    )


def _is_lasting(error: ProviderError) -> bool:
    """Whether the next request would surely fail too."""
    if isinstance(error, ConnectError):
        return error.code != RESET
    lasting = isinstance(error, AuthenticationError | RateLimitError)
    return lasting or error.status == 404 or error.retry_after is not None


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
