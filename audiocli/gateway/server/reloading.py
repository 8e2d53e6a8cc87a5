"""A changed config is taken up once its files have been left alone, and never lets in more clients."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audiocli.config.document import Source, Stamp, stamp_of
from audiocli.errors import AudiocliError, ConfigError
from audiocli.gateway.config.settings import Settings

RETRY_LOOKS = 5  # after which files are read again that could not be used: one may be unknown here

Stamps = tuple[Stamp | None, ...]


def check_admission(old: Settings, new: Settings) -> None:
    """Raise `ConfigError` if by `new` somebody may ask whom `old` keeps out, other than by a new master key.

    A file that was cut while it was written, or a slip, would open the gateway.
    """
    reason = _widening(old, new)
    if reason:
        raise ConfigError(reason, hint="restart the gateway if that is intended")


def _widening(old: Settings, new: Settings) -> str | None:
    if old.master_key is not None and new.master_key is None:
        return "it has no master key any more"
    if old.master_key is not None and new.master_key is not None:
        before, after = old.master_key.value, new.master_key.value
        if before != after and before.startswith(after):
            return "its master key is only the beginning of the present one"
    if new.master_key is None and new.allowed_hosts - old.allowed_hosts:
        return f"it allows further hosts: {', '.join(sorted(new.allowed_hosts - old.allowed_hosts))}"
    return None


@dataclass(frozen=True)
class _Read:
    """What files came to: settings, or why they cannot be used."""

    files: tuple[Source, ...]
    settings: Settings | None = None
    error: Exception | None = None

    @property
    def is_current(self) -> bool:
        """Whether no file has changed since it was read."""
        return _stamps(self.files) == tuple(each.stamp for each in self.files)


class Reloading:
    """Reads settings again when their files have changed, or when it is asked to.

    A change counts once it has stood from one `look` to the next, and what was read is used if none of its
    files has changed by the look after that: a file that is being written is left alone.
    """

    def __init__(self, load: Callable[[], Settings], settings: Settings) -> None:
        self._load = load
        self._settings = settings
        self._known = self._seen = tuple(each.stamp for each in settings.files)
        self._asked = False
        self._read: _Read | None = None
        self._told: str | None = None  # what was wrong with the files as they are
        self._looks = 0  # since then

    def ask(self) -> None:
        """Read them again, changed or not."""
        self._asked, self._told = True, None

    async def look(self) -> Settings | None:
        """The settings to go by from now on, if others than before.

        Raises what is wrong with them, once for the same fault.
        """
        read, self._read = self._read, None
        if read is not None and read.is_current:
            return self._settled(read)
        if read is not None or self._asked or self._changed() or self._is_due():
            self._asked = False
            self._read = await asyncio.to_thread(self._reread)
        return None

    def _changed(self) -> bool:
        now, before = _stamps(self._settings.files), self._seen
        self._seen = now
        if now == self._known or now != before:
            return False
        self._known = now
        self._told = None
        return True

    def _is_due(self) -> bool:
        """Whether files that could not be used are read again, of which one may not be known here."""
        self._looks += self._told is not None
        return self._looks >= RETRY_LOOKS

    def _reread(self) -> _Read:
        self._looks = 0
        files = tuple(Source(each.path, stamp_of(each.path)) for each in self._settings.files)
        try:
            settings = self._load()
            check_admission(self._settings, settings)
        except Exception as error:  # whatever it is, the gateway goes on as it is
            return _Read(files, error=error)
        return _Read(settings.files, settings=settings)

    def _settled(self, read: _Read) -> Settings | None:
        if read.settings is not None:
            self._told = None
            return read.settings
        assert read.error is not None  # noqa: S101 - it has the one or the other
        before, self._told = self._told, _fault(read.error)
        if before == self._told:
            return None
        raise read.error

    def begun(self, settings: Settings) -> None:
        """`settings` are gone by."""
        self._settings = settings
        self._known = self._seen = tuple(each.stamp for each in settings.files)


def _fault(error: Exception) -> str:
    return str(error) if isinstance(error, AudiocliError) else repr(error)


def _stamps(files: Sequence[Source]) -> Stamps:
    return tuple(stamp_of(each.path) for each in files)
