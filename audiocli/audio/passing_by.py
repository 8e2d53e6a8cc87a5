"""How long a sound is that goes by: told from its beginning and its size, without keeping it."""

import io

from audiocli.audio.containers.mpeg import read_mpeg
from audiocli.audio.containers.sniff import sniff
from audiocli.audio.containers.wav import read_wav_variant
from audiocli.errors import InputError

HEAD_BYTES = 64 * 1024
"""As much is kept. More than that stands before the sound of a WAV file in none that is honest."""


class Length:
    """Counts the bytes of a sound.

    `byte_rate`, in a second, is for sound that does not say it itself.
    """

    def __init__(self, byte_rate: int | None = None) -> None:
        self._byte_rate = byte_rate
        self._head = bytearray()
        self._size = 0

    def count(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        """The next bytes are those of `data` from `start` to `end`."""
        end = len(data) if end is None else end
        self._size += end - start
        if len(self._head) < HEAD_BYTES:
            self._head += data[start : min(end, start + HEAD_BYTES - len(self._head))]

    @property
    def seconds(self) -> float:
        """Exact for WAV and for MP3 of one bit rate, an estimate for other MP3, and 0 for what is neither."""
        if self._byte_rate is not None:
            return self._size / self._byte_rate
        file = io.BytesIO(self._head)
        try:
            match sniff(bytes(self._head)):
                case "wav":
                    return read_wav_variant(file, self._size).duration
                case "mp3":
                    found = read_mpeg(file, len(self._head)).parts[0]
                    return found.promised or found.duration * (self._size - found.offset) / found.size
        except InputError:
            pass
        return 0.0
