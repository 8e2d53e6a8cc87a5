"""Moonshine, a small model of Moonshine AI that writes down English speech, run by ONNX Runtime.

It takes 0.02 s of one core for a second of speech, and was trained on utterances of up to half a minute.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # Hz

_START, _END = 1, 2  # tokens
_WORD_MARK = "\N{LOWER ONE EIGHTH BLOCK}"  # begins each token that begins a word
_MOST_TOKENS_PER_SECOND = 6.5  # as its makers bound it: what is more is a loop
_HEADS, _HEAD_SIZE = 8, 36


@dataclass(frozen=True)
class Written:
    """A word with its punctuation, and the probability (0 to 1) of the least likely of its tokens."""

    text: str
    confidence: float


class Moonshine:
    """The model in memory. It remembers nothing of what it has heard before."""

    def __init__(self, folder: Path) -> None:
        """Loads what `weights.MOONSHINE` leaves in `folder`, in 0.15 s."""
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # Since 1.29 it tells its makers of each model, if it may.
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1

        def load(name: str) -> Any:
            return onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])

        self._encoder = load("encoder_model.ort")
        self._decoder = load("decoder_model_merged.ort")
        self._tokens = list(_read_tokens((folder / "tokenizer.bin").read_bytes()))

    def write(self, samples: "np.ndarray[Any, Any]") -> list[Written]:
        """What is said in `samples`: float32 at `RATE`, full scale 1.0, at least a tenth of a second."""
        return list(_words((self._tokens[token], chance) for token, chance in self._decode(samples)))

    def _decode(self, samples: "np.ndarray[Any, Any]") -> Iterator[tuple[int, float]]:
        """The likeliest token after those before it, and how likely it is, again and again."""
        import numpy as np

        heard = np.ones((1, len(samples)), "i8")
        (states,) = self._encoder.run(None, {"input_values": samples[None], "attention_mask": heard})
        names = [entry.name for entry in self._decoder.get_inputs() if entry.name.startswith("past")]
        memory = {name: np.zeros((1, _HEADS, 0, _HEAD_SIZE), "f4") for name in names}
        outputs = [entry.name for entry in self._decoder.get_outputs()]
        token = _START
        for step in range(max(2, int(len(samples) / RATE * _MOST_TOKENS_PER_SECOND))):
            inputs = {
                "input_ids": np.array([[token]]),
                "encoder_hidden_states": states,
                "encoder_attention_mask": heard,
                "use_cache_branch": np.array([step > 0]),
            }
            found = dict(zip(outputs, self._decoder.run(None, inputs | memory), strict=True))
            scores = found["logits"][0, -1]
            token = int(scores.argmax())
            if token == _END:
                return
            yield token, float(1 / np.exp(scores - scores[token]).sum())
            # The encoder's part is there from the first step on, and comes back empty from the others.
            kept = [name for name in names if step == 0 or ".decoder." in name]
            memory |= {name: found[name.replace("past_key_values", "present")] for name in kept}


def _read_tokens(content: bytes) -> Iterator[bytes]:
    """The tokens of `tokenizer.bin`: each its length, in one byte or two, and its letters."""
    at = 0
    while at < len(content):
        size = content[at]
        at += 1
        if size >= 128:
            size += (content[at] - 1) * 128
            at += 1
        yield content[at : at + size]
        at += size


def _words(tokens: Iterator[tuple[bytes, float]]) -> Iterator[Written]:
    """Tokens put together; a character may be made of several."""
    mark = _WORD_MARK.encode()
    letters, least = b"", 1.0
    for token, chance in tokens:
        if token.startswith(mark):
            yield from _word(letters, least)
            letters, least = b"", 1.0
        letters += token.removeprefix(mark)
        if any(character.isalnum() for character in token.decode(errors="ignore")):
            least = min(least, chance)
    yield from _word(letters, least)


def _word(letters: bytes, least: float) -> Iterator[Written]:
    text = letters.decode(errors="replace").strip()
    if text:
        yield Written(text, least)
