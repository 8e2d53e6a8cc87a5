"""Which deployment answers, and what is done where one fails. The clock is a number, the dice are loaded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from audiocli.errors import (
    AuthenticationError,
    ConnectError,
    DeadlineError,
    ProviderError,
    RateLimitError,
    RejectedError,
    ServerError,
    UnknownModelError,
)
from audiocli.providers.target import Target
from audiocli.router import Deployment, Policy, Router

BUSY = ServerError("busy", status=503, retryable=True)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def deployment(id: str, group: str = "voice", **settings: object) -> Deployment:
    return Deployment(id=id, group=group, target=Target("openai", id, None), **settings)  # type: ignore[arg-type] # fields by name


def router(*deployments: Deployment, policy: Policy | None = None, **settings: object) -> Router:
    return Router(deployments, policy or Policy(), **settings)  # type: ignore[arg-type] # settings by name


def way(of: Router, *errors: ProviderError, name: str = "voice") -> Iterator[str]:
    """The deployments that a request is sent to, where each fails as told; then where it would go next."""
    course = of.course(name)
    for error in errors:
        found = course.next()
        assert found is not None
        yield found.deployment.id
        of.began(found.deployment)
        of.ended(found.deployment, error)
        course.failed(found.deployment, error)
    last = course.next()
    yield last.deployment.id if last else "nowhere"


@pytest.mark.parametrize("roll", [0.0, 0.3, 0.6, 0.999])
def test_a_retry_never_goes_to_the_deployment_that_has_just_failed_while_another_is_healthy(
    roll: float,
) -> None:
    two = router(deployment("a"), deployment("b"), dice=lambda: roll)

    first, second = way(two, BUSY)

    assert {first, second} == {"a", "b"}


def test_each_deployment_is_asked_once_where_there_are_more_than_retries() -> None:
    five = router(*(deployment(id) for id in "abcde"), policy=Policy(retries=1))

    *asked, last = way(five, *[BUSY] * 5)

    assert sorted(asked) == list("abcde")
    assert last == "nowhere"


def test_without_retries_a_request_is_tried_once() -> None:
    two = router(deployment("a"), deployment("b"), policy=Policy(retries=0), dice=lambda: 0.0)

    assert list(way(two, BUSY)) == ["a", "nowhere"]


def test_a_sole_deployment_is_asked_again_after_a_growing_pause() -> None:
    sole = router(deployment("a"), policy=Policy(retries=3), dice=lambda: 0.0)
    course = sole.course("voice")
    pauses = []
    while found := course.next():
        pauses.append(found.delay)
        course.failed(found.deployment, BUSY)

    assert pauses == [0.0, 0.5, 1.0, 2.0]


def test_a_sole_deployment_is_asked_again_when_it_said() -> None:
    course = router(deployment("a")).course("voice")
    first = course.next()
    assert first is not None
    course.failed(first.deployment, RateLimitError("slow down", status=429, retryable=True, retry_after=7))

    again = course.next()

    assert again is not None
    assert again.delay == 7


def test_what_cannot_be_retried_is_not_sent_again_to_the_same_deployment() -> None:
    course = router(deployment("a")).course("voice")
    first = course.next()
    assert first is not None
    course.failed(first.deployment, AuthenticationError("no", status=401))

    assert course.next() is None


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("wrong key", status=401),
        ConnectError("refused", retryable=True),
        RateLimitError("slow down", status=429, retryable=True),
        RejectedError("no such model", status=404),
    ],
)
def test_a_lasting_fault_cools_a_deployment_at_once(error: ProviderError) -> None:
    clock = Clock()
    one = deployment("a")
    cooled = router(one, deployment("b"), clock=clock, policy=Policy(cooldown_time=5))
    cooled.began(one)
    cooled.ended(one, error)

    assert cooled.is_cooling(one)
    assert {next(way(cooled)) for _ in range(30)} == {"b"}
    clock.now += 5
    assert not cooled.is_cooling(one)


def test_a_passing_fault_cools_a_deployment_when_it_is_frequent() -> None:
    clock = Clock()
    one = deployment("a")
    cooled = router(one, clock=clock, policy=Policy(allowed_fails=2))
    for expected in (False, False, True):
        cooled.began(one)
        cooled.ended(one, BUSY)
        assert cooled.is_cooling(one) is expected


def test_faults_that_are_a_minute_apart_are_not_frequent() -> None:
    clock = Clock()
    one = deployment("a")
    seldom = router(one, clock=clock, policy=Policy(allowed_fails=0, cooldown_time=1))
    for _ in range(5):
        seldom.began(one)
        seldom.ended(one, BUSY)
        clock.now += 61

    assert len(seldom.health(one).fails) == 1


def test_a_clients_own_fault_does_not_count() -> None:
    one = deployment("a")
    blameless = router(one, policy=Policy(allowed_fails=0))
    blameless.began(one)
    blameless.ended(one, RejectedError("bad request", status=400))

    assert not blameless.is_cooling(one)
    assert blameless.health(one).in_flight == 0


def test_where_all_are_cooling_the_one_that_ends_soonest_is_tried() -> None:
    clock = Clock()
    one, two = deployment("a"), deployment("b")
    cooling = router(one, two, clock=clock)
    for each, seconds in ((one, 30.0), (two, 10.0)):
        cooling.began(each)
        cooling.ended(each, RateLimitError("slow", status=429, retryable=True, retry_after=seconds))

    assert next(way(cooling)) == "b"


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2), (5, 6)])
def test_a_deployments_own_retries_stand_in_place_of_the_policys(retries: int, tries: int) -> None:
    course = way(router(deployment("a", retries=retries)), *[BUSY] * tries)

    assert list(course) == ["a"] * tries + ["nowhere"]


def test_a_deployment_without_retries_is_not_asked_again_and_others_are() -> None:
    two = router(deployment("a", retries=0), deployment("b", order=2))

    assert list(way(two, BUSY, BUSY, BUSY)) == ["a", "b", "b", "nowhere"]


def test_a_fallback_may_be_a_single_deployment() -> None:
    policy = Policy(retries=0, fallbacks={"voice": ("z",)})
    spare = router(deployment("a"), deployment("y", "spare"), deployment("z", "spare"), policy=policy)

    assert list(way(spare, BUSY, BUSY)) == ["a", "z", "nowhere"]


def test_fallbacks_come_when_the_group_has_failed() -> None:
    policy = Policy(retries=1, fallbacks={"voice": ("spare",)})
    two = router(deployment("a"), deployment("z", "spare"), policy=policy)

    assert list(way(two, BUSY, BUSY)) == ["a", "a", "z"]


def test_default_fallbacks_are_for_groups_without_their_own() -> None:
    policy = Policy(retries=0, default_fallbacks=("spare",))
    two = router(deployment("a"), deployment("z", "spare"), policy=policy)

    assert list(way(two, BUSY)) == ["a", "z"]
    assert list(way(two, BUSY, name="spare")) == ["z", "nowhere"]


def test_the_lowest_order_is_used_while_it_is_healthy() -> None:
    first, second = deployment("a"), deployment("b", order=2)
    ordered = router(second, first)

    assert {next(way(ordered)) for _ in range(30)} == {"a"}
    assert list(way(ordered, BUSY)) == ["a", "b"]


def test_weights_share_the_requests() -> None:
    rolls = iter(n / 100 for n in range(100))
    weighted = router(deployment("a", weight=3), deployment("b", weight=1), dice=lambda: next(rolls))

    drawn = [next(way(weighted)) for _ in range(100)]

    assert drawn.count("a") == 75


@pytest.mark.parametrize("limit", ["rpm", "tpm"])
def test_without_weights_limits_share_the_requests_where_each_has_one(limit: str) -> None:
    rolls = iter(n % 100 / 100 for n in range(200))
    many: dict[str, Any] = {limit: 900}
    few: dict[str, Any] = {limit: 100}
    large, small = deployment("a", **many), deployment("b", **few)
    limited = router(large, small, dice=lambda: next(rolls))
    assert [next(way(limited)) for _ in range(100)].count("a") == 90

    half = router(large, deployment("c"), dice=lambda: next(rolls))
    assert [next(way(half)) for _ in range(100)].count("a") == 50


def test_the_least_busy_is_preferred() -> None:
    one, two = deployment("a"), deployment("b")
    busy = router(one, two, policy=Policy(strategy="least-busy"))
    busy.began(one)

    assert {next(way(busy)) for _ in range(30)} == {"b"}


def test_the_fastest_is_preferred_and_a_stranger_is_tried_first() -> None:
    one, two, stranger = deployment("a"), deployment("b"), deployment("c")
    fast = router(one, two, stranger, policy=Policy(strategy="latency-based-routing"))
    for each, latency in ((one, 0.5), (two, 0.1)):
        fast.began(each)
        fast.ended(each, latency=latency)

    assert next(way(fast)) == "c"
    fast.began(stranger)
    fast.ended(stranger, latency=3.0)
    assert {next(way(fast)) for _ in range(30)} == {"b"}


def test_a_deployment_at_its_own_limit_is_passed_over() -> None:
    clock = Clock()
    full, free = deployment("a", rpm=1), deployment("b")
    limited = router(full, free, clock=clock)
    limited.began(full)

    assert {next(way(limited)) for _ in range(30)} == {"b"}
    clock.now += 60
    assert limited.wait_for(full) == 0


def test_where_all_are_at_their_limits_it_is_said_when_they_are_not() -> None:
    clock = Clock()
    full = deployment("a", tpm=100)
    limited = router(full, clock=clock)
    limited.began(full)
    limited.ended(full, latency=0.1, tokens=100)
    clock.now += 20

    with pytest.raises(RateLimitError) as raised:
        limited.course("voice").next()

    assert raised.value.retry_after == 40


def test_what_was_known_of_a_deployment_is_known_by_the_router_that_follows() -> None:
    clock = Clock()
    one, two = deployment("a", rpm=1), deployment("b")
    former = router(one, two, clock=clock)
    former.began(one)

    after = router(one, deployment("c"), clock=clock, former=former)
    assert {next(way(after)) for _ in range(30)} == {"c"}
    former.ended(one, latency=0.1)
    assert after.health(one).in_flight == 0


def test_an_alias_stands_for_its_group() -> None:
    named = router(deployment("a"), policy=Policy(aliases={"speak": "voice"}))

    assert next(way(named, name="speak")) == "a"
    assert named.names == ("voice", "speak")


def test_a_hidden_alias_works_and_is_in_no_list() -> None:
    policy = Policy(aliases={"speak": "voice"}, hidden=frozenset({"speak"}))
    named = router(deployment("a"), policy=policy)

    assert next(way(named, name="speak")) == "a"
    assert named.names == ("voice",)


def test_the_most_specific_wildcard_matches() -> None:
    every, openai = deployment("x", "*"), deployment("y", "openai/*")

    def expand(each: Deployment, matched: str) -> Deployment:
        return replace(each, target=replace(each.target, model=matched))

    wild = router(every, openai, expand=expand)

    (found,) = wild.group("openai/gpt-audio")
    assert (found.id, found.target.model) == ("y", "gpt-audio")
    (found,) = wild.group("anything")
    assert (found.id, found.target.model) == ("x", "anything")
    assert wild.names == ()


def test_a_name_that_nothing_matches_is_unknown() -> None:
    with pytest.raises(UnknownModelError, match="'nope'"):
        router(deployment("a")).course("nope")


# Several groups

DEAD = ConnectError("refused", retryable=True)


def failing(of: Router, *ids: str, error: ProviderError = DEAD) -> Router:
    """`of`, after one request at each of these deployments has failed."""
    for each in of.deployments:
        if each.id in ids:
            of.began(each)
            of.ended(each, error)
    return of


def test_a_dead_primary_is_left_alone_while_its_fallback_is_well() -> None:
    policy = Policy(fallbacks={"voice": ("spare",)})
    clock = Clock()
    two = router(deployment("a"), deployment("z", "spare"), policy=policy, clock=clock)

    assert list(way(two, DEAD)) == ["a", "z"]
    assert [next(way(two)) for _ in range(5)] == ["z"] * 5
    clock.now += 5
    assert next(way(two)) == "a"


def test_a_fallback_of_a_fallback_keeps_a_dead_primary_alone_too() -> None:
    policy = Policy(fallbacks={"voice": ("spare",), "spare": ("last",)})
    three = router(
        deployment("a"), deployment("y", "spare"), deployment("z", "last"), policy=policy, clock=Clock()
    )

    assert next(way(failing(three, "a", "y"))) == "z"


def test_a_deployment_that_cools_down_is_not_asked_again_while_a_fallback_is_well() -> None:
    policy = Policy(retries=5, allowed_fails=0, fallbacks={"voice": ("spare",)})
    two = router(deployment("a"), deployment("z", "spare"), policy=policy, clock=Clock())

    assert list(way(two, BUSY)) == ["a", "z"]


def test_where_every_group_cools_down_the_requests_own_is_asked_first() -> None:
    policy = Policy(retries=1, fallbacks={"voice": ("spare",)})
    two = failing(router(deployment("a"), deployment("z", "spare"), policy=policy, clock=Clock()), "a", "z")

    assert list(way(two, DEAD, DEAD, DEAD, DEAD)) == ["a", "a", "z", "z", "nowhere"]


def test_a_dead_primary_is_the_last_resort_where_its_fallback_fails_too() -> None:
    policy = Policy(retries=1, fallbacks={"voice": ("spare",)})
    two = failing(router(deployment("a"), deployment("z", "spare"), policy=policy, clock=Clock()), "a")

    assert list(way(two, BUSY, BUSY)) == ["z", "z", "a"]


def test_fallbacks_at_their_own_limits_do_not_keep_a_primary_alone() -> None:
    policy = Policy(fallbacks={"voice": ("spare",)})
    two = router(deployment("a"), deployment("z", "spare", rpm=1), policy=policy, clock=Clock())

    assert next(way(failing(two, "a", "z"))) == "a"


def test_where_all_groups_are_at_their_own_limits_the_client_is_told_when_to_come_again() -> None:
    clock = Clock()
    policy = Policy(fallbacks={"voice": ("spare",)})
    two = router(deployment("a", rpm=1), deployment("z", "spare", rpm=1), policy=policy, clock=clock)
    for each in two.deployments:
        two.began(each)
        clock.now += 10

    with pytest.raises(RateLimitError) as told:
        next(way(two))
    assert told.value.retry_after == 40


@pytest.mark.parametrize(
    "fallbacks",
    [
        {"voice": ("spare",), "spare": ("voice",)},
        {"voice": ("voice", "spare", "spare")},
        {"voice": ("spare",), "spare": ("last",), "last": ("spare", "voice")},
    ],
)
def test_a_chain_of_fallbacks_asks_each_group_once(fallbacks: dict[str, tuple[str, ...]]) -> None:
    policy = Policy(retries=0, fallbacks=fallbacks)
    looped = router(deployment("a"), deployment("y", "spare"), deployment("z", "last"), policy=policy)

    found = way(looped, *[BUSY] * (3 if "last" in fallbacks else 2))

    assert list(found) == (["a", "y", "z"] if "last" in fallbacks else ["a", "y"]) + ["nowhere"]


def test_a_fallback_by_its_alias_is_the_same_group() -> None:
    policy = Policy(retries=0, fallbacks={"voice": ("other",)}, aliases={"other": "voice"})

    assert list(way(router(deployment("a"), policy=policy), BUSY)) == ["a", "nowhere"]


def test_default_fallbacks_do_not_loop() -> None:
    policy = Policy(retries=0, default_fallbacks=("spare", "last"))
    three = router(deployment("a"), deployment("y", "spare"), deployment("z", "last"), policy=policy)

    assert list(way(three, BUSY, BUSY, BUSY)) == ["a", "y", "z", "nowhere"]


@pytest.mark.parametrize("asked", [0.0, None])
def test_a_service_that_asks_for_no_pause_gets_one(asked: float | None) -> None:
    sole = router(deployment("a"), dice=lambda: 0.0, clock=Clock(), policy=Policy(cooldown_time=7))
    course = sole.course("voice")
    first = course.next()
    assert first is not None
    slow = RateLimitError("slow down", status=429, retryable=True, retry_after=asked)
    sole.began(first.deployment)
    sole.ended(first.deployment, slow)
    course.failed(first.deployment, slow)

    again = course.next()

    assert again is not None
    assert again.delay == 0.5
    assert sole.health(first.deployment).cooling_until == 1007


# What a model refuses

TOO_LONG = RejectedError("too long", status=400, code="context_length_exceeded")
UNWANTED = RejectedError("The response was filtered", status=400, code="content_filter")


@pytest.mark.parametrize(("error", "last"), [(TOO_LONG, "long"), (UNWANTED, "tolerant")])
def test_what_a_model_refuses_goes_to_the_group_for_it(error: ProviderError, last: str) -> None:
    policy = Policy(
        fallbacks={"voice": ("spare",)},
        refusal_fallbacks={
            "context_window": {"voice": ("long",)},
            "content_policy": {"voice": ("tolerant",)},
        },
    )
    many = router(
        *(deployment(name, name) for name in ("spare", "long", "tolerant")), deployment("a"), policy=policy
    )

    assert list(way(many, error)) == ["a", last]
    assert not many.is_cooling(deployment("a"))


def test_a_refusal_without_a_group_for_it_is_the_clients() -> None:
    course = router(deployment("a"), deployment("b")).course("voice")
    found = course.next()
    assert found is not None

    assert not course.failed(found.deployment, TOO_LONG)


def test_groups_for_refusals_do_not_loop() -> None:
    lists = {"voice": ("long",), "long": ("voice",)}
    policy = Policy(refusal_fallbacks={"context_window": lists})
    course = router(deployment("a"), deployment("z", "long"), policy=policy).course("voice")
    first = course.next()
    assert first is not None
    assert course.failed(first.deployment, TOO_LONG)
    second = course.next()
    assert second is not None
    assert second.deployment.id == "z"
    assert not course.failed(second.deployment, TOO_LONG)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AuthenticationError("no", status=401), "authentication"),
        (RateLimitError("slow", status=429, retryable=True), "rate_limit"),
        (DeadlineError("late", retryable=True), "timeout"),
        (UNWANTED, "content_policy"),
        (RejectedError("bad", status=400), "bad_request"),
        (BUSY, "server"),
        (DEAD, "server"),
    ],
)
@pytest.mark.parametrize("retries", [0, 1, 4])
def test_a_kind_of_error_has_its_own_number_of_retries(error: ProviderError, kind: Any, retries: int) -> None:
    policy = Policy(retries=2, retries_by_error={kind: retries})
    course = router(deployment("a"), policy=policy).course("voice")
    tries = 0
    while found := course.next():
        tries += 1
        if not course.failed(found.deployment, error):
            break

    assert tries == retries + 1


def test_a_group_has_its_own_numbers_of_retries() -> None:
    policy = Policy(retries_by_error={"server": 4}, group_retries={"voice": {"server": 1}})

    assert list(way(router(deployment("a"), policy=policy), BUSY, BUSY)) == ["a", "a", "nowhere"]


def test_a_stall_is_not_asked_for_again_at_the_same_deployment() -> None:
    stalled = DeadlineError("silent", code="stream_stalled")
    policy = Policy(fallbacks={"voice": ("spare",)})

    assert list(way(router(deployment("a")), stalled)) == ["a", "nowhere"]
    assert list(way(router(deployment("a"), deployment("z", "spare"), policy=policy), stalled)) == ["a", "z"]


def test_a_stream_may_have_less_time_to_begin() -> None:
    both = deployment("a", timeout=10.0, stream_timeout=2.0)

    assert (both.limit(streams=True), both.limit(streams=False)) == (2.0, 10.0)
    assert deployment("b", timeout=10.0).limit(streams=True) == 10.0
