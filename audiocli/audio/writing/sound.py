"""What the bytes of an answer really are.

A service may send headerless PCM where WAV was asked for, a whole WAV file in every piece, or MP3 in place
of either. The content decides; the samples of PCM are taken out of whatever surrounds them.
"""

import io

from audiocli.audio.containers.sniff import HEAD_BYTES, Kind, looks_like, sniff
from audiocli.audio.containers.wav import Wav, read_wav
from audiocli.audio.recording import SAMPLE_BYTES, PcmFormat
from audiocli.audio.writing.encode import to_pcm16
from audiocli.errors import InputError, ReplyError

MAX_HEADER_BYTES = 64 * 1024

_SIGNATURE_BYTES = 64
_LONGEST_WAV = 0xFFFF_0000  # what a WAV may promise; a larger size stands for "not known"
_UNKNOWN = "unknown binary data"


class SoundDecoder:
    """Takes the samples out of an answer's audio, piece by piece.

    Once `feed` has returned something, `pcm` says what it is: whole frames of samples, or, where `pcm` is
    `None`, a file of `kind`, unchanged. Raises `ReplyError` for what is not sound, and in `close` for sound
    that is cut off.
    """

    def __init__(self) -> None:
        self.pcm: PcmFormat | None = None
        self.kind: Kind | None = None
        self._head: bytes | None = b""  # what has come, while it is not known what it is
        self._samples = ("pcm", SAMPLE_BYTES)  # how they come: their encoding and width
        self._promised: int | None = None  # bytes that a WAV header says are still to come
        self._frame = b""  # the beginning of one
        self._cut = False

    def feed(self, data: bytes) -> bytes:
        if self._head is None and self.pcm and _opens_wav(data):
            self._end_file()  # Each piece is a file of its own, as vLLM-Omni sends them.
        if self._head is None:
            return self._take(data) + self._decide()
        self._head += data
        return self._decide()

    def close(self) -> bytes:
        """What was held back until now, if the whole was short."""
        rest = self._decide(last=True)
        if self._head is None:
            self._end_file()
        if self._cut:
            raise ReplyError("the sound of the answer was cut off")
        return rest

    def _decide(self, *, last: bool = False) -> bytes:
        """The sound in what has been held back, as far as it tells what it is."""
        sound = b""
        while self._head and (last or _enough(self._head)):
            found = self._open(self._head, last)
            if found is None:
                break
            sound += found
        return sound

    def _open(self, head: bytes, last: bool) -> bytes | None:
        """The sound of the file that starts with `head`; `None` where more is wanted to tell."""
        if _opens_wav(head):
            return self._open_wav(head, last)
        if self.pcm:
            self._head = b""  # What follows the samples in a WAV file is not sound.
            return b""
        self.kind = sniff(head)
        if self.kind is None:
            if (seen := looks_like(head)) != _UNKNOWN:
                raise ReplyError(f"the service sent {seen} in place of sound")
            self.pcm = PcmFormat()
        self._head = None
        return self._take(head)

    def _open_wav(self, head: bytes, last: bool) -> bytes | None:
        try:
            wav = read_wav(io.BytesIO(head), _LONGEST_WAV)
        except InputError as error:
            if last or len(head) > MAX_HEADER_BYTES:
                raise ReplyError(
                    f"the service sent a WAV file that cannot be read: {error.message}"
                ) from None
            return None
        self.kind = "wav"
        self._head = None
        if wav.encoding not in ("pcm", "float"):
            return self._take(head)
        self._expect(wav)
        return self._take(head[wav.data_offset :])

    def _expect(self, wav: Wav) -> None:
        pcm = PcmFormat(wav.rate, wav.channels)
        if self.pcm not in (None, pcm):
            raise ReplyError("the service sent sound that changes its sample rate midway")
        self.pcm = pcm
        self._samples = (wav.encoding, wav.block_align // wav.channels)
        size = wav.declared_size
        self._promised = None if size is None else size - size % wav.block_align

    def _take(self, data: bytes) -> bytes:
        if self.pcm is None:
            return data
        if self._promised is None:
            return self._whole_frames(data)
        sound = self._whole_frames(data[: self._promised])
        after = data[self._promised :]
        self._promised = max(self._promised - len(data), 0)
        if self._promised == 0:
            self._end_file()
            self._head = after
        return sound

    def _whole_frames(self, data: bytes) -> bytes:
        assert self.pcm  # noqa: S101 - only samples have frames
        encoding, width = self._samples
        data = self._frame + data
        whole = len(data) - len(data) % (width * self.pcm.channels)
        self._frame = data[whole:]
        return to_pcm16(data[:whole], encoding, width)

    def _end_file(self) -> None:
        """A file is over; another may follow."""
        self._cut = self._cut or bool(self._promised or self._frame)
        self._frame = b""
        self._head = b""


def _opens_wav(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WAVE"


def _enough(head: bytes) -> bool:
    """Whether `head` tells what it is. Samples may look like one MPEG frame, which has no signature."""
    wanted = HEAD_BYTES if head.startswith((b"\xff", b"ID3")) else _SIGNATURE_BYTES
    return len(head) >= wanted
