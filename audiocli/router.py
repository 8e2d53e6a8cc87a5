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

from audiocli.config.wildcards import matched, patterns
from audiocli.errors import (
    AuthenticationError,
    ConnectError,
    DeadlineError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ReplyError,
    UnknownModelError,
)
from audiocli.printable import quoted
from audiocli.providers.target import Target
from audiocli.wire.errors import Refusal, refusal_of

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
    that one try may take until its answer begins, `stream_timeout` the same for a stream. `retries` is how
    often it may be asked again for one request, if not as often as the policy says. `extra_body` is added to
    what is sent; `drop`, and with `drops_unsupported` what the model is known not to take, is left out of it.
    """

    id: str
    group: str
    target: Target
    timeout: float | None = None
    stream_timeout: float | None = None
    retries: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    weight: float | None = None
    order: int = 1
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)
    drop: frozenset[str] = frozenset()
    drops_unsupported: bool = False
    model_info: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def limit(self, *, streams: bool) -> float | None:
        """Seconds for one try; `None` for as long as the request has."""
        return self.stream_timeout if streams and self.stream_timeout is not None else self.timeout


Lists = Mapping[str, tuple[str, ...]]
"""The fallbacks of each group, in order."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How deployments are chosen, and what is done if one fails.

    A request is tried `retries` times more in its group, or once at each of its deployments if these are
    more, then in the groups of `fallbacks`, or in `default_fallbacks` if its own group has none; then in
    theirs. `retries_by_error` has other numbers of retries for kinds of errors, and `group_retries` the same
    for single groups. What a model refuses for a reason in `refusal_fallbacks` goes to the groups there. A
    deployment that fails more than `allowed_fails` times in a minute is left alone for `cooldown_time`
    seconds. `aliases` are further names of groups; those that are `hidden` are in no list.
    """

    strategy: Strategy = "simple-shuffle"
    retries: int = 2
    allowed_fails: int = 3
    cooldown_time: float = 5.0
    fallbacks: Lists = field(default_factory=dict)
    default_fallbacks: tuple[str, ...] = ()
    refusal_fallbacks: Mapping[Refusal, Lists] = field(default_factory=dict)
    retries_by_error: "RetriesByError" = field(default_factory=dict)
    group_retries: Mapping[str, "RetriesByError"] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def retries_after(self, error: ProviderError, group: str) -> int | None:
        """How often a request is tried again in `group` after `error`, if the policy says so for its kind."""
        if not self.retries_by_error and not self.group_retries:
            return None
        return self.group_retries.get(group, self.retries_by_error).get(kind_of(error))


Kind = Literal["authentication", "timeout", "rate_limit", "content_policy", "bad_request", "server"]
"""Errors as a retry policy tells them apart."""

RetriesByError = Mapping[Kind, int]


def kind_of(error: ProviderError) -> Kind:
    match error:
        case _ if refusal_of(error) == "content_policy":
            return "content_policy"
        case AuthenticationError():
            return "authentication"
        case DeadlineError():
            return "timeout"
        case RateLimitError():
            return "rate_limit"
        case RejectedError():
            return "bad_request"
    return "server"


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
        self._patterns = patterns(self._groups)
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
        name = self.own_name(name)
        if name in self._groups and "*" not in name:
            return tuple(self._groups[name])
        for pattern in self._patterns:
            if (part := matched(pattern, name)) is not None:
                return tuple(self._expand(each, part) for each in self._groups[pattern])
        raise UnknownModelError(f"there is no model {quoted(name)} here", hint="GET /v1/models lists them")

    def own_name(self, name: str) -> str:
        """The group that `name` stands for."""
        return self.policy.aliases.get(name, name)

    def course(self, name: str) -> "Course":
        """The way of one request for `name` from deployment to deployment."""
        return Course(self, name)

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
            pause = error.retry_after or self.policy.cooldown_time  # "at once" is no advice after a failure
            health.cooling_until = max(health.cooling_until, now + pause)

    def fallbacks(self, name: str) -> Iterator["Group"]:
        """The groups that are asked if that of `name` cannot answer, then those of these; each once."""
        return self._chain(name, lambda own: self.policy.fallbacks.get(own, self.policy.default_fallbacks))

    def refusal_fallbacks(self, refusal: Refusal, *names: str) -> Iterator["Group"]:
        """The same for what a model refuses; the first of `names` that has any decides."""
        lists = self.policy.refusal_fallbacks.get(refusal, {})
        first = next((name for name in names if self.own_name(name) in lists), None)
        return self._chain(first, lambda own: lists.get(own, ())) if first is not None else iter(())

    def _chain(self, name: str, following: Callable[[str], tuple[str, ...]]) -> Iterator["Group"]:
        waiting = deque([self.own_name(name)])
        known = {*waiting}
        while waiting:
            for other in map(self.own_name, following(waiting.popleft())):
                if other in known:
                    continue
                known.add(other)
                waiting.append(other)
                with suppress(UnknownModelError):  # With wildcards, nobody has checked the name.
                    yield Group(other, self._single(other) or self.group(other))

    def _single(self, id: str) -> tuple[Deployment, ...]:
        """The deployment with this id, which a fallback may name in place of a group."""
        return tuple(each for each in self.deployments if each.id == id and id not in self._groups)

    def is_healthy(self, deployment: Deployment) -> bool:
        """Whether it may be asked now: it neither cools down nor is at its own limit."""
        return not self.is_cooling(deployment) and not self.wait_for(deployment)

    def choose(self, candidates: Sequence[Deployment]) -> Deployment | None:
        """The one of the healthy `candidates` that the strategy prefers; `None` where none is healthy."""
        healthy = [each for each in candidates if self.is_healthy(each)]
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


@dataclass
class Group:
    """Deployments behind one name on a request's way: how often they were tried, and what came of it last."""

    name: str
    deployments: Sequence[Deployment]
    tries: int = 0
    error: ProviderError | None = None


class Course:
    """One request's way: first where it may succeed at once, then, after a pause, where it failed before.

    A deployment that cools down is left alone while another can answer, in any of the groups. If none can,
    it is asked: it may have recovered.
    """

    def __init__(self, router: Router, name: str) -> None:
        self._router = router
        self._name = name
        self._present = Group(router.own_name(name), router.group(name))
        self._groups = [self._present]
        self._tried: set[str] = set()  # names of groups
        self._complete = False  # the fallbacks are among the groups
        self._asked: Counter[str] = Counter()  # by deployment
        self._failed: dict[str, ProviderError] = {}  # by deployment, the latest last

    def next(self, within: float = math.inf) -> Try | None:
        """`None` if nothing is left to try, or nothing that may be asked `within` so many seconds.

        Raises `RateLimitError` if every deployment is at its own limit.
        """
        if not self._failed and (chosen := self._router.choose(self._present.deployments)):
            return self._taken(self._present, Try(chosen))
        if not self._complete:
            self._complete = True
            self._groups += self._router.fallbacks(self._name)
        for group in self._groups:
            if found := self._among(group, min(within, LONGEST_DELAY_SECONDS)):
                return self._taken(group, found)
        if not self._failed:
            raise self._at_limits()
        return None

    def failed(self, deployment: Deployment, error: ProviderError) -> bool:
        """Whether `error` of the deployment that was asked last leaves others to ask."""
        self._failed.pop(deployment.id, None)
        self._failed[deployment.id] = error
        self._present.error = error
        if refusal := refusal_of(error):
            found = self._router.refusal_fallbacks(refusal, self._present.name, self._name)
            if others := [group for group in found if group.name not in self._tried]:
                self._groups, self._complete = others, True
                return True
        return is_deployments_fault(error) or bool(self._own_retries(self._present))

    def _taken(self, group: Group, found: Try) -> Try:
        self._present = group
        self._tried.add(group.name)
        group.tries += 1
        self._asked[found.deployment.id] += 1
        return found

    def _own_retries(self, group: Group) -> int | None:
        """How many retries the policy has for the error of `group`, if it has a number for that."""
        return self._router.policy.retries_after(group.error, group.name) if group.error else None

    def _has_tries(self, group: Group) -> bool:
        """If there are more deployments than retries, each may be asked once: one of them may be well."""
        retries = self._own_retries(group)
        if retries is None:
            own = (each.retries for each in group.deployments if each.retries is not None)
            retries = max((self._router.policy.retries, *own))
        return group.tries <= (max(retries, len(group.deployments) - 1) if retries else 0)

    def _among(self, group: Group, within: float) -> Try | None:
        if not self._has_tries(group):
            return None
        untried = self._untried(group)
        if chosen := self._router.choose(untried):
            return Try(chosen)
        if any(self._can_answer(other, within) for other in self._groups if other is not group):
            return self._again(group, within, cooling=False)
        if untried and (soonest := self._soonest(untried)):
            return Try(soonest)
        return self._again(group, within, cooling=True)

    def _can_answer(self, group: Group, within: float) -> bool:
        """Whether `group` has a deployment to ask that does not cool down."""
        return self._has_tries(group) and (
            any(map(self._router.is_healthy, self._untried(group)))
            or self._again(group, within, cooling=False) is not None
        )

    def _untried(self, group: Group) -> list[Deployment]:
        return [each for each in group.deployments if each.id not in self._failed]

    def _soonest(self, candidates: Sequence[Deployment]) -> Deployment | None:
        within = [each for each in candidates if not self._router.wait_for(each)]
        return min(within, key=lambda each: self._router.health(each).cooling_until, default=None)

    def _again(self, group: Group, within: float, *, cooling: bool) -> Try | None:
        """The deployment whose failure is the longest ago, of those that may do better soon enough.

        Those that cool down are among them only if `cooling` says so.
        """
        order = list(self._failed)
        failed = [each for each in group.deployments if each.id in self._failed]
        for each in sorted(failed, key=lambda deployment: order.index(deployment.id)):
            delay = self._delay(group, self._failed[each.id])
            rested = cooling or not self._router.is_cooling(each)
            if rested and delay <= within and self._may_be_asked_again(group, each):
                return Try(each, delay)
        return None

    def _may_be_asked_again(self, group: Group, deployment: Deployment) -> bool:
        if not self._failed[deployment.id].retryable and not self._own_retries(group):
            return False
        return deployment.retries is None or self._asked[deployment.id] <= deployment.retries

    def _delay(self, group: Group, error: ProviderError) -> float:
        """A pause in any case: who asks for none would be asked again while nothing has changed."""
        return error.retry_after or self._router.backoff(group.tries - 1)

    def _at_limits(self) -> RateLimitError:
        waits = (self._router.wait_for(each) for group in self._groups for each in group.deployments)
        return RateLimitError(
            f"the deployments of {quoted(self._name)} are at their own limits",
            hint="try again later",
            status=429,
            retry_after=min(waits),
        )


def _shares(candidates: Sequence[Deployment]) -> Sequence[float]:
    """Their weights; where none has one, the requests or else the tokens that each may take in a minute."""
    weights = [each.weight for each in candidates]
    if any(weight is not None for weight in weights):
        return [1.0 if weight is None else weight for weight in weights]
    for limits in ([each.rpm for each in candidates], [each.tpm for each in candidates]):
        if all(limits):
            return [limit or 0 for limit in limits]
    return [1.0] * len(candidates)


_DEPLOYMENTS_FAULTS = (AuthenticationError, RateLimitError, ConnectError, DeadlineError, ReplyError)


def is_deployments_fault(error: ProviderError) -> bool:
    """Whether another deployment may do better; a request that is wrong is its client's fault."""
    return error.retryable or isinstance(error, _DEPLOYMENTS_FAULTS) or error.status == 404


def _is_lasting(error: ProviderError) -> bool:
    """Whether the next request would surely fail too."""
    if isinstance(error, ConnectError):
        return error.code != RESET
    lasting = isinstance(error, AuthenticationError | RateLimitError)
    return lasting or error.status == 404 or error.retry_after is not None


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
