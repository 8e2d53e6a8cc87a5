"""What is counted, for Prometheus: of this process, by model and deployment."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_BY_MODEL = ("model", "deployment")


class Metrics:
    """Counters of one process. Their names begin with `audiocli_`."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "audiocli_requests",
            "Requests, by the status that the client got.",
            (*_BY_MODEL, "route", "status"),
            registry=registry,
        )
        self.errors = Counter(
            "audiocli_errors",
            "Tries that failed at a deployment, by kind.",
            (*_BY_MODEL, "kind"),
            registry=registry,
        )
        self.latency = Histogram(
            "audiocli_request_seconds",
            "From a request to the end of its answer.",
            _BY_MODEL,
            buckets=_SECONDS,
            registry=registry,
        )
        self.first_audio = Histogram(
            "audiocli_first_audio_seconds",
            "From a request to the first sound of its answer.",
            _BY_MODEL,
            buckets=_SECONDS,
            registry=registry,
        )
        self.tokens = Counter(
            "audiocli_tokens",
            "Tokens, as the service counts them.",
            (*_BY_MODEL, "direction"),
            registry=registry,
        )
        self.audio_seconds = Counter(
            "audiocli_audio_seconds", "Seconds of sound.", (*_BY_MODEL, "direction"), registry=registry
        )
        self.cost = Counter(
            "audiocli_cost_usd", "US dollars, as far as prices are known.", _BY_MODEL, registry=registry
        )
        self.in_flight = Gauge(
            "audiocli_in_flight", "Requests that are being answered.", _BY_MODEL, registry=registry
        )
        self.cooling = Gauge(
            "audiocli_cooling",
            "Whether a deployment is left alone for a while.",
            _BY_MODEL,
            registry=registry,
        )

    def exposition(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
