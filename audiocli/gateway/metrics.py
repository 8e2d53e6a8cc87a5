"""What is counted, for Prometheus: of this process, by model and deployment."""

from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_BY_MODEL = ("model", "deployment")


class Metrics:
    """Counters of one process. Their names begin with `audiocli_`.

    Each but `cooling` is a function of its labels' values: Prometheus's own takes a lock for each look-up.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "requests", "Requests, by the status that the client got.", "route", "status"
        )
        self.errors = self._counter("errors", "Tries that failed at a deployment, by kind.", "kind")
        self.latency = self._histogram("request_seconds", "From a request to the end of its answer.")
        self.first_audio = self._histogram(
            "first_audio_seconds", "From a request to the first sound of its answer."
        )
        self.tokens = self._counter("tokens", "Tokens, as the service counts them.", "direction")
        self.audio_seconds = self._counter("audio_seconds", "Seconds of sound.", "direction")
        self.cost = self._counter("cost_usd", "US dollars, as far as prices are known.")
        in_flight = Gauge(
            "audiocli_in_flight", "Requests that are being answered.", _BY_MODEL, registry=self.registry
        )
        self.in_flight = cache(in_flight.labels)
        self.cooling = Gauge(
            "audiocli_cooling",
            "Whether a deployment is left alone for a while.",
            _BY_MODEL,
            registry=self.registry,
        )

    def _counter(self, name: str, says: str, *labels: str) -> Callable[..., Counter]:
        return cache(Counter(f"audiocli_{name}", says, (*_BY_MODEL, *labels), registry=self.registry).labels)

    def _histogram(self, name: str, says: str) -> Callable[..., Histogram]:
        return cache(
            Histogram(f"audiocli_{name}", says, _BY_MODEL, buckets=_SECONDS, registry=self.registry).labels
        )

    def exposition(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
