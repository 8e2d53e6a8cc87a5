"""What was heard of a file is compared with what the file holds; a difference is a note, or an error."""

from dataclasses import dataclass

from audiocli.errors import InputError

_NOTICED = 0.1  # seconds by which samples or frames that were counted may differ from what is stated
_ESTIMATED = (
    1.0  # and by which a container's statement may be off: decoders have a start and an end of their own
)
_FEW_BYTES = 4096  # that are not sound: padding, and tags that nobody knows
_HINT = "the file may be damaged, or of an unusual format; convert it again"


@dataclass(frozen=True)
class Extent:
    """What was `heard` of a file, in seconds, and what it holds.

    Its header has `stated` how many seconds there are, `None` if it does not, as an estimate unless `exact`.
    `parts` recordings were joined in it, of which `left_out` cannot be read; each has up to `tracks` streams
    of sound, of which one is heard unless they are `mixed`. `unread` of its `size` bytes are nothing that any
    reader knows.
    """

    heard: float
    size: int
    stated: float | None = None
    exact: bool = True
    parts: int = 1
    left_out: int = 0
    tracks: int = 1
    mixed: bool = False
    unread: int = 0


def differences(what: str, extent: Extent) -> tuple[str, ...]:
    """A sentence for each difference; `what` is what they call the file.

    Raises `InputError` if hardly anything of it was heard that its bytes may hold.
    """
    if extent.unread > _FEW_BYTES and extent.unread > 0.9 * extent.size:
        raise InputError(
            f"most of {what} cannot be read: only {extent.heard:.1f} s of sound were found in it", hint=_HINT
        )
    return (*_joined(what, extent), *_tracks(what, extent), *_length(what, extent), *_unread(what, extent))


def _joined(what: str, extent: Extent) -> tuple[str, ...]:
    if extent.parts == 1:
        return ()
    joined = f"{what} is {extent.parts} recordings joined in one file"
    if not extent.left_out:
        return (f"{joined}; all are included",)
    return (f"{joined}; {extent.left_out} of them cannot be read and were left out",)


def _tracks(what: str, extent: Extent) -> tuple[str, ...]:
    if extent.tracks <= 1 or extent.mixed:
        return ()
    return (f"{what} has {extent.tracks} audio tracks; only the first is included",)


def _length(what: str, extent: Extent) -> tuple[str, ...]:
    if extent.stated is None:
        return ()
    difference = extent.heard - extent.stated
    if abs(difference) < (_NOTICED if extent.exact else _ESTIMATED):
        return ()
    if difference < 0:
        return (f"{what} is cut off: {extent.heard:.1f} s of {extent.stated:.1f} s are there",)
    return (f"{what} has {extent.heard:.1f} s of sound, not {extent.stated:.1f} s as its header says",)


def _unread(what: str, extent: Extent) -> tuple[str, ...]:
    if extent.unread <= max(_FEW_BYTES, extent.size // 1000):
        return ()
    return (f"{extent.unread:,} bytes of {what} are not readable audio and were skipped",)
