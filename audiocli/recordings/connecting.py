"""Who writes a recording down, as the configuration and a job's options say."""

from audiocli.config import Config
from audiocli.providers.naming import resolve
from audiocli.providers.pace import Pace, reliable
from audiocli.providers.registry import Progress, engine, transcriber
from audiocli.providers.retry import Notify
from audiocli.providers.suiting import Wanted, check_suits
from audiocli.providers.target import Target
from audiocli.recordings.executor import Connect
from audiocli.recordings.hearing import Connection
from audiocli.recordings.job import JobOptions


def connecting(
    config: Config,
    *,
    requests: int,
    retries: int | None = None,
    timeout: float | None = None,
    notify: Notify = lambda note: None,
    progress: Progress = lambda what, done, total: None,
    today: str = "",
) -> Connect:
    """Connections that share one pace: `requests` at once, fewer where a service asks for that.

    A model that runs here hears as much at once, of all recordings together, as it says that makes sense.
    `timeout` (seconds) and `retries` are of each request; without them the config's hold. `today` is an ISO
    date, by which a model may be retired.
    """
    pace = Pace(requests)

    def connect(options: JobOptions) -> Connection:
        wanted = _wanted(options, today)
        target = resolve(
            config,
            options.model,
            options.base_url,
            purpose="transcription",
            wanted=wanted,
            force=options.force,
        )
        return _connection(target, config, pace, options, wanted, retries, timeout, notify, progress)

    return connect


def connecting_to(
    target: Target,
    config: Config,
    *,
    requests: int,
    retries: int | None = None,
    timeout: float | None = None,
    today: str = "",
) -> Connect:
    """Connections to `target`, whatever a job's options name; otherwise as `connecting`."""
    pace = Pace(requests)

    def connect(options: JobOptions) -> Connection:
        wanted = _wanted(options, today)
        return _connection(target, config, pace, options, wanted, retries, timeout, _untold, _unseen)

    return connect


def _untold(note: str) -> None:
    """Nobody reads notes."""


def _unseen(what: str, done: int, total: int) -> None:
    """Nobody watches how far a fetched model is."""


def _wanted(options: JobOptions, today: str) -> Wanted:
    return Wanted(
        words=options.words,
        timed=options.timed,
        speakers=options.speakers,
        prompt=options.prompt is not None,
        today=today,
    )


def _connection(
    target: Target,
    config: Config,
    pace: Pace,
    options: JobOptions,
    wanted: Wanted,
    retries: int | None,
    timeout: float | None,
    notify: Notify,
    progress: Progress,
) -> Connection:
    if not options.force:
        check_suits(target.capabilities, wanted, target.ready)
    asked = transcriber(target, config, progress)
    own = Pace(asked.limits.parallel) if engine(target) else pace
    paced = reliable(
        asked, own, retries=target.tries(retries), timeout=target.seconds(timeout), notify=notify
    )
    return Connection(target.identity, target.model, paced, target.prices_on(wanted.today))
