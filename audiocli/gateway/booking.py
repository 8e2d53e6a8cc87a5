"""What each request used and cost: one line of JSON in the log, and the counters.

Neither holds what was said, nor a key.
"""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from audiocli.audio.passing_by import Length
from audiocli.catalog import Capabilities
from audiocli.catalog.dates import today
from audiocli.catalog.facts import TOKENS
from audiocli.chat import Usage
from audiocli.client import CHARACTERS_PER_TOKEN, cost
from audiocli.errors import AudiocliError, ConnectError
from audiocli.gateway.metrics import Metrics
from audiocli.router import Deployment
from audiocli.wire.openai.chat import INPUT_AUDIO_TOKEN_SECONDS, OUTPUT_AUDIO_TOKEN_SECONDS

CLIENT_LEFT = 499  # nginx's status for it


class Asked(Protocol):
    """What a request shows itself of what it costs: text to be spoken, sound to be written down."""

    @property
    def characters(self) -> int: ...

    @property
    def seconds(self) -> float: ...


@dataclass
class Entry:
    """One request while it is answered. Times are of the monotonic clock; `usage` is the latest known.

    `route` is one of the few that there are, `path` what the client asked for in place of one. `asked` and
    `spoken`, which measures the speech that is sent, are for where the service does not say what it counts.
    """

    route: str
    path: str = ""
    id: str = field(default_factory=lambda: f"req_{os.urandom(12).hex()}")
    started: float = field(default_factory=time.monotonic)
    key: str | None = None
    model: str = ""
    deployment: Deployment | None = None
    tries: int = 0
    streamed: bool = False
    status: int = 500
    error: str | None = None
    first_byte: float | None = None
    first_audio: float | None = None
    usage: Usage | None = None
    asked: Asked | None = None
    spoken: Length | None = None

    def tried(self, deployment: Deployment) -> None:
        """A try at `deployment` begins: what another has said counts no more."""
        self.deployment = deployment
        self.tries += 1
        self.first_byte = self.first_audio = self.usage = self.spoken = None

    def failed(self, error: Exception) -> None:
        """Lost connections are told apart. What a service says is not written down: it may quote a prompt."""
        code = error.code if isinstance(error, ConnectError) else None
        self.error = code or type(error).__name__

    def answered(self) -> None:
        """The first byte of the answer has come."""
        if self.first_byte is None:
            self.first_byte = time.monotonic()

    @property
    def used(self) -> Usage | None:
        """What the service says, or else what went by; `None` where neither is known."""
        if self.usage is not None or self.asked is None or self.first_byte is None:
            return self.usage
        if self.spoken is None:
            seconds = self.asked.seconds
            return Usage(input_seconds=seconds) if seconds else None
        text = math.ceil(self.asked.characters / CHARACTERS_PER_TOKEN)
        sound = math.ceil(self.spoken.seconds / OUTPUT_AUDIO_TOKEN_SECONDS)
        return Usage(input_tokens=text, output_tokens=sound, output_audio_tokens=sound) if sound else None

    @property
    def known(self) -> Capabilities | None:
        """What is known of the model that is asked."""
        return self.deployment.target.capabilities if self.deployment else None

    @property
    def heard(self) -> float:
        """Seconds of sound that were sent, as far as the service counts them."""
        return _seconds_heard(self.used, self.known) if self.used else 0.0

    @property
    def cost(self) -> float | None:
        """US dollars; `None` where that is not known."""
        used, known = self.used, self.known
        if used is not None and used.cost is not None:
            return used.cost
        if not known:
            return None
        prices = known.prices_on(today()) if known.price_changes else known.prices
        price = prices.character_in
        if price is not None and self.asked is not None and self.asked.characters:
            return price * self.asked.characters / TOKENS if self.first_byte is not None else None
        return cost(used, prices)


class Books:
    """Writes down what has become of each request. `write` takes lines, each at once."""

    def __init__(self, metrics: Metrics, write: Callable[[str], None]) -> None:
        self._metrics = metrics
        self._write = write

    def begin(self, entry: Entry, deployment: Deployment) -> None:
        """A try at `deployment` begins."""
        entry.tried(deployment)
        self._metrics.in_flight(*_labels(deployment)).inc()

    def end(self, deployment: Deployment, error: AudiocliError | None = None) -> None:
        """It has ended, with `error` where it failed."""
        self._metrics.in_flight(*_labels(deployment)).dec()
        if error is not None:
            self._metrics.errors(*_labels(deployment), type(error).__name__).inc()

    def close(self, entry: Entry) -> None:
        """The request is over: count it, and write its line."""
        now, used, spent = time.monotonic(), entry.used, entry.cost
        self._count(entry, now, used, spent)
        line = {
            "time": round(time.time(), 3),
            "id": entry.id,
            "route": entry.path or entry.route,
            "model": entry.model or None,
            "deployment": entry.deployment.id if entry.deployment else None,
            "status": entry.status,
            "error": entry.error,
            "tries": entry.tries,
            "stream": entry.streamed,
            "latency_ms": _milliseconds(entry.started, now),
            "first_byte_ms": _milliseconds(entry.started, entry.first_byte),
            **_used(used, entry.heard),
            "cost_usd": _dollars(spent),
            "key": entry.key,
        }
        self._write(json.dumps(line))

    def _count(self, entry: Entry, now: float, used: Usage | None, spent: float | None) -> None:
        metrics, labels = self._metrics, _labels(entry.deployment)
        metrics.requests(*labels, entry.route, str(entry.status)).inc()
        metrics.latency(*labels).observe(now - entry.started)
        if entry.first_audio is not None:
            metrics.first_audio(*labels).observe(entry.first_audio - entry.started)
        if used is not None:
            self._count_usage(used, entry.heard, labels)
        metrics.cost(*labels).inc(spent or 0.0)

    def _count_usage(self, usage: Usage, heard: float, labels: tuple[str, str]) -> None:
        metrics = self._metrics
        metrics.tokens(*labels, "in").inc(usage.input_tokens)
        metrics.tokens(*labels, "out").inc(usage.output_tokens)
        metrics.audio_seconds(*labels, "in").inc(heard)
        metrics.audio_seconds(*labels, "out").inc(usage.output_audio_tokens * OUTPUT_AUDIO_TOKEN_SECONDS)


def _labels(deployment: Deployment | None) -> tuple[str, str]:
    """As many as the config has: a name that a client invents, or that a wildcard takes, is none of them."""
    return (deployment.group, deployment.id) if deployment else ("", "")


def _used(usage: Usage | None, heard: float) -> dict[str, object]:
    if usage is None:
        usage = Usage()
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "audio_seconds_in": round(heard, 3),
        "audio_seconds_out": round(usage.output_audio_tokens * OUTPUT_AUDIO_TOKEN_SECONDS, 3),
    }


def _seconds_heard(usage: Usage, known: Capabilities | None) -> float:
    rate = known.input_tokens_per_second if known else None
    second = 1 / rate if rate else INPUT_AUDIO_TOKEN_SECONDS
    return usage.input_seconds or usage.input_audio_tokens * second


def _milliseconds(started: float, ended: float | None) -> float | None:
    return None if ended is None else round(1000 * (ended - started), 2)


def _dollars(dollars: float | None) -> float | None:
    return None if dollars is None else round(dollars, 6)
