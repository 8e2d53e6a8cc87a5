"""One pace for a run: a limit slows everything, and costs nobody a try."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

import pytest

from audiocli.chat import AudioBytes, AudioPart, TextDelta
from audiocli.errors import ProviderError, RateLimitError, RejectedError, ServerError
from audiocli.providers.pace import Pace, Paced, is_limit, reliable
from audiocli.transcript import Hearing, Limits, Segment, Transcript, TranscriptionRequest

REQUEST = TranscriptionRequest(model="m", audio=AudioPart(AudioBytes(b""), "wav"), duration=1.0)
WRITTEN = Transcript(segments=(Segment("hi", 0, 1),), duration=1.0)
LIMITS = Limits(seconds=60, bytes=1, formats=("wav",), parallel=4, prompt=True, timing="piece")


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Scripted:
    """A transcriber that fails as it is told, and then writes; counts how many go at once."""

    limits = LIMITS

    def __init__(self, outcomes: Iterable[ProviderError | None] = (), told: int = 0) -> None:
        self._outcomes = iter(outcomes)
        self._told = told
        self.calls = 0
        self.running = 0
        self.most = 0

    async def stream(self, request: TranscriptionRequest) -> AsyncGenerator[Hearing, None]:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(self._told):
                yield TextDelta("word ")
            await asyncio.sleep(0)
            if (error := next(self._outcomes, None)) is not None:
                raise error
            yield WRITTEN
        finally:
            self.running -= 1


def limited(seconds: float | None = None) -> RateLimitError:
    return RateLimitError("too fast", status=429, retryable=True, retry_after=seconds)


def pace(most: int, clock: Clock) -> Pace:
    return Pace(most, clock=clock, sleep=clock.sleep, jitter=lambda: 0.0)


async def heard(transcriber: Paced | Scripted) -> list[Hearing]:
    return [event async for event in transcriber.stream(REQUEST)]


def test_a_limit_is_waited_for_as_long_as_the_service_asks_else_longer_each_time() -> None:
    clock, scripted = Clock(), Scripted([limited(3), limited(None), limited(None), None])
    notes: list[str] = []
    careful = reliable(scripted, pace(4, clock), retries=3, notify=notes.append)

    async def hear() -> list[Hearing]:
        return [event async for event in careful.stream(REQUEST)]

    assert asyncio.run(hear()) == [WRITTEN]
    assert (scripted.calls, clock.slept) == (4, [3, 8, 60])
    assert notes[0] == "too fast; waiting 3.0 s, then 2 at once"


def test_a_service_that_asks_for_no_wait_is_not_asked_without_end() -> None:
    clock = Clock()
    scripted = Scripted([limited(0) for _ in range(10_000)])
    with pytest.raises(RateLimitError):
        asyncio.run(heard(Paced(scripted, pace(1, clock), retries=10_000, patience=600)))
    assert clock.slept[:2] == [60, 60]
    assert scripted.calls < 20


def test_every_later_request_waits_as_well() -> None:
    clock = Clock()
    shared = pace(4, clock)

    async def run() -> None:
        async with shared.turn() as turn:
            shared.limited(turn)
            shared.put_off(30)
        await heard(Paced(Scripted(), shared))

    asyncio.run(run())
    assert clock.slept == [30]


def test_a_limit_halves_how_many_go_at_once_and_successes_let_one_more_go() -> None:
    clock = Clock()
    shared = pace(8, clock)

    async def run() -> list[int]:
        widths = []
        async with shared.turn() as turn:
            shared.limited(turn)
            widths.append(shared.width)
        for _ in range(4 + 5):
            shared.succeeded()
            widths.append(shared.width)
        return widths

    assert asyncio.run(run()) == [4, 4, 4, 4, 5, 5, 5, 5, 5, 6]


def test_requests_that_were_under_way_halve_it_once_together() -> None:
    shared = pace(8, Clock())

    async def run() -> None:
        async with shared.turn() as one, shared.turn() as two, shared.turn() as three:
            for turn in (one, two, three):
                shared.limited(turn)

    asyncio.run(run())
    assert shared.width == 4


def test_there_is_always_one_that_may_go() -> None:
    clock = Clock()
    scripted = Scripted([limited(1)] * 6)
    notes: list[str] = []
    asyncio.run(heard(Paced(scripted, pace(4, clock), retries=6, notify=notes.append)))
    assert [note.rpartition("then ")[2] for note in notes] == ["2 at once", *["1 at once"] * 5]


@pytest.mark.parametrize(("most", "requests"), [(1, 5), (3, 10), (16, 4)])
def test_no_more_go_at_once_than_may(most: int, requests: int) -> None:
    scripted = Scripted()
    shared = pace(most, Clock())

    async def run() -> None:
        await asyncio.gather(*(heard(Paced(scripted, shared)) for _ in range(requests)))

    asyncio.run(run())
    assert (scripted.calls, scripted.most) == (requests, min(most, requests))


def test_after_a_while_without_end_the_limit_is_raised_and_not_tried_again() -> None:
    clock = Clock()
    scripted = Scripted([limited(50) for _ in range(100)])
    with pytest.raises(RateLimitError, match="try again in 50 s, as the service asks") as caught:
        asyncio.run(heard(Paced(scripted, pace(4, clock), retries=100, patience=600)))
    assert not caught.value.retryable
    assert (scripted.calls, clock.now) == (13, 1600)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_limit_that_lasts_ends_after_as_many_retries(retries: int) -> None:
    clock, scripted = Clock(), Scripted([limited(1) for _ in range(100)])
    with pytest.raises(RateLimitError) as caught:
        asyncio.run(heard(Paced(scripted, pace(4, clock), retries=retries)))
    assert not caught.value.retryable
    assert (scripted.calls, clock.slept) == (1 + retries, [1] * retries)


def test_a_run_in_which_something_goes_through_meets_any_number_of_limits() -> None:
    transcriber = Paced(Scripted([limited(1), None] * 20), pace(1, Clock()), retries=1)

    async def run() -> list[list[Hearing]]:
        return [await heard(transcriber) for _ in range(20)]

    assert asyncio.run(run()) == [[WRITTEN]] * 20


def test_a_run_that_has_given_up_keeps_nobody_waiting() -> None:
    clock = Clock()
    shared = pace(4, clock)

    async def run() -> list[list[Hearing] | BaseException]:
        transcriber = Paced(Scripted([limited(1) for _ in range(100)]), shared, retries=1)
        return await asyncio.gather(*(heard(transcriber) for _ in range(8)), return_exceptions=True)

    assert all(isinstance(each, RateLimitError) for each in asyncio.run(run()))
    assert clock.now < 1005


def test_waiting_for_others_turns_costs_no_patience() -> None:
    clock = Clock()
    shared = pace(1, clock)
    scripted = Scripted([limited(5), None])

    async def run() -> list[Hearing]:
        async with shared.turn():
            waiting = asyncio.create_task(heard(Paced(scripted, shared, patience=10)))
            await asyncio.sleep(0)
            clock.now += 1000
        return await waiting

    assert asyncio.run(run()) == [WRITTEN]


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("no money", status=429, code="insufficient_quota"),
        RejectedError("no", status=400),
        ServerError("down", status=503, retryable=True),
        limited(3601),
    ],
    ids=["quota", "refused", "down", "in an hour"],
)
def test_what_waiting_does_not_help_is_raised_at_once(error: ProviderError) -> None:
    clock = Clock()
    scripted = Scripted([error])
    with pytest.raises(type(error)) as caught:
        asyncio.run(heard(Paced(scripted, pace(4, clock))))
    assert caught.value is error
    assert (scripted.calls, clock.slept) == (1, [])


def test_an_overload_that_says_when_it_ends_is_a_limit() -> None:
    assert is_limit(ServerError("busy", status=503, retryable=True, retry_after=2))
    assert not is_limit(ServerError("broken", status=500, retryable=True, retry_after=2))


def test_a_transcript_that_was_cut_is_asked_for_again_and_its_words_not_told_again() -> None:
    cut = ProviderError("cut off", retryable=True, retry_after=0.001)
    careful = reliable(Scripted([cut, None], told=2), pace(4, Clock()))

    async def hear() -> list[Hearing]:
        return [event async for event in careful.stream(REQUEST)]

    assert asyncio.run(hear()) == [TextDelta("word "), TextDelta("word "), WRITTEN]
    assert careful.limits is LIMITS


def test_whoever_leaves_while_waiting_holds_nobody_up() -> None:
    shared = pace(1, Clock())

    async def run() -> list[Hearing]:
        async with shared.turn():
            tasks = [asyncio.create_task(heard(Paced(Scripted(), shared))) for _ in range(3)]
            await asyncio.sleep(0)
            for task in tasks[:2]:
                task.cancel()
            await asyncio.sleep(0)
        return await tasks[2]

    assert asyncio.run(run()) == [WRITTEN]


def test_closing_early_gives_the_turn_back() -> None:
    shared = pace(1, Clock())
    scripted = Scripted(told=1)

    async def run() -> list[Hearing]:
        events = Paced(scripted, shared).stream(REQUEST)
        await anext(events)
        await events.aclose()
        return await heard(Paced(Scripted(), shared))

    assert asyncio.run(run()) == [WRITTEN]
    assert scripted.running == 0
