"""Measures what the gateway costs, beside other proxies in the same run.

Upstream, load and gateways share one machine and take turns; each gateway has one worker.
"""

import asyncio
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop

from tests.bench.gateway.cases import CASES, MEGABYTE_IN, PACED, SLOW, TEXT, Case
from tests.bench.gateway.load import delays, latency, lines, send
from tests.bench.gateway.peers import NGINX, OTHERS, OURS, Peer, Running, free_port, running, straight
from tests.bench.gateway.spent import cpu_seconds, memory
from tests.bench.measure import PYTHON, compile_everything
from tests.bench.report import Result, heading, load

CONNECTIONS = 16
ROUNDS = 5
DIRECT = "direct"
PAIRS = 200  # requests without a gateway, each beside one through every gateway
STREAMS = 15
READY_SECONDS = 60.0

Figures = defaultdict[str, list[float]]
"""What was measured, by the names of the gateways; ours is the first."""


@dataclass(frozen=True)
class Bench:
    """The gateways to be measured, an upstream for them, and a folder for what they need."""

    peers: Sequence[Peer]
    upstream: int
    folder: Path

    async def cpu(self) -> AsyncGenerator[Result, None]:
        """CPU of the gateway's processes a request, 16 at once: median of 5 rounds"""
        with ExitStack() as stack:
            gateways = [stack.enter_context(running(peer, self.folder, self.upstream)) for peer in self.peers]
            for gateway in gateways:
                await ready(gateway)
            for case in CASES:
                able = [gateway for gateway in gateways if await _does(gateway, case)]
                figures = Figures(list)
                for _ in range(ROUNDS):
                    for gateway in able:
                        figures[gateway.peer.name].append(await _cpu(gateway, case))
                yield _result(case.name, "ms", case.limit, figures)

    async def latency(self) -> AsyncGenerator[Result, None]:
        """Latency that a gateway adds, one request at a time: median"""
        async with AsyncExitStack() as stack:
            connections = {DIRECT: await stack.enter_async_context(lines(straight(self.upstream), 1))}
            ways = {DIRECT: straight(self.upstream)}
            streaming = [DIRECT]
            for peer in self.peers:
                gateway = stack.enter_context(running(peer, self.folder, self.upstream))
                await ready(gateway)
                ways[peer.name] = gateway.way
                connections[peer.name] = await stack.enter_async_context(lines(gateway.way, 1))
                if await _does(gateway, PACED):
                    streaming.append(peer.name)
            for case, limit in ((TEXT, 0.6), (MEGABYTE_IN, 1.5)):
                figures = Figures(list)
                for _ in range(PAIRS):
                    for name, (line,) in connections.items():
                        figures[name].append(await latency(line, ways[name].encode(case)))
                yield _result(case.name, "ms", limit, _added(figures))
            firsts, late = Figures(list), Figures(list)
            for _ in range(STREAMS):
                for name in streaming:
                    first, each = await delays(connections[name][0], ways[name].encode(PACED))
                    firsts[name].append(first)
                    late[name] += each
            yield _result("a stream's first event", "ms", 1, _added(firsts))
            yield _result("each event of a paced stream", "ms", 0.5, _added(late))

    async def fresh(self) -> AsyncGenerator[Result, None]:
        """Gateways that are started anew: median of 5 starts; resident memory"""
        starts, idle, peaks = Figures(list), Figures(list), Figures(list)
        for _ in range(ROUNDS):
            for peer in self.peers:
                began = time.perf_counter()
                with running(peer, self.folder, self.upstream) as gateway:
                    await ready(gateway)
                    starts[peer.name].append(time.perf_counter() - began)
                    idle[peer.name].append(memory(gateway.process.pid))
                    await send(gateway.way, SLOW, count=CONNECTIONS, connections=CONNECTIONS)
                    peaks[peer.name].append(memory(gateway.process.pid, peak=True))
        yield _result("start to first answer", "s", 0.8, starts)
        yield _result("memory, idle", "MB", 80, idle)
        yield _result("memory, sixteen 10 MB bodies in flight", "MB", 300, peaks)


async def ready(gateway: Running) -> None:
    """Wait until it answers. Raises `RuntimeError` where it does not."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return await send(gateway.way, TEXT, count=1, connections=1)
        except (OSError, EOFError, RuntimeError) as error:
            if gateway.process.poll() is not None or time.monotonic() > deadline:
                said = gateway.log.read_text(errors="replace")[-500:]
                raise RuntimeError(f"{gateway.peer.name} does not answer: {error!r}\n{said}") from error
        await asyncio.sleep(0.005)


async def _does(gateway: Running, case: Case) -> bool:
    """Whether a gateway answers what it shall; of another than ours, which does not have to, it is told."""
    try:
        await send(gateway.way, case, count=1, connections=1)
    except RuntimeError as error:
        if gateway.peer is OURS:
            raise
        print(f"{gateway.peer.name} does not do {case.name!r}: {error}"[:200])
        return False
    return True


async def _cpu(gateway: Running, case: Case) -> float:
    """Milliseconds a request, after some that warm it up."""
    count = max(CONNECTIONS, round(case.count * gateway.peer.share))
    await send(gateway.way, case, count=4, connections=4)
    before = cpu_seconds(gateway.process.pid)
    await send(gateway.way, case, count=count, connections=CONNECTIONS)
    return 1000 * (cpu_seconds(gateway.process.pid) - before) / count


def _added(figures: Figures) -> Figures:
    """In milliseconds, what each is above the direct way."""
    direct = median(figures.pop(DIRECT))
    return Figures(list, {name: [1000 * (median(found) - direct)] for name, found in figures.items()})


def _result(name: str, unit: str, limit: float, figures: Figures) -> Result:
    """Our figure, with those of the others beside it, and how many times nginx's it is."""
    costs = {peer: median(found) for peer, found in figures.items()}
    ours = costs.pop(OURS.name)
    told = [f"{peer} {cost:.{2 if cost < 10 else 0}f}" for peer, cost in costs.items()]
    if (nginx := costs.get(NGINX.name, 0)) > 0:
        told[0] += f" ({ours / nginx:.1f} x)"
    return Result(name, ours, unit, ", ".join(told), limit)


@contextmanager
def _upstream() -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([PYTHON, "-m", "tests.bench.gateway.upstream", str(port)]) as process:
        try:
            yield port
        finally:
            process.terminate()


def _installed() -> list[Peer]:
    """Ours, and the others that are here; says which are not."""
    for peer in OTHERS:
        if not peer.installed:
            print(f"{peer.name} is not installed: there is no {peer.program} on the PATH")
    return [OURS, *(peer for peer in OTHERS if peer.installed)]


async def main() -> None:
    print(load())
    with tempfile.TemporaryDirectory() as folder, _upstream() as upstream:
        bench = Bench(_installed(), upstream, Path(folder))
        for measure in (bench.cpu, bench.latency, bench.fresh):
            print(heading(measure))
            async with aclosing(measure()) as results:
                async for result in results:
                    print(result, flush=True)
    print(f"\n{load()}")


if __name__ == "__main__":
    compile_everything()
    uvloop.run(main())
