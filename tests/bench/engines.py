"""The embedded model's engines, one after the other, with nothing between: what there is to compare with.

Usage: python -m tests.bench.engines WEIGHTS QUESTION
"""

import asyncio
import os
import sys
from typing import Any

import xllamacpp

from audiocli.local.sentences import is_over
from audiocli.local.speak import choose_speaker, find_flite
from audiocli.local.think import ENOUGH_TOKENS, MOST_TOKENS

SAMPLING = {"temperature": 0.2, "top_p": 0.9, "repeat_penalty": 1.1, "seed": 1, "max_tokens": MOST_TOKENS}


def think(weights: str, question: str) -> str:
    """The same model with the same settings and the same rule of when it has said enough."""
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_ctx, params.n_parallel, params.verbosity = 2048, 1, -1
    params.warmup = params.fit_params = params.ui = False
    words: list[str] = []

    def take(chunk: dict[str, Any]) -> bool:
        words.extend(choice["delta"].get("content") or "" for choice in chunk["choices"])
        return len(words) >= ENOUGH_TOKENS and is_over("".join(words))

    messages = [{"role": "user", "content": question}]
    xllamacpp.Server(params).handle_chat_completions({"messages": messages, "stream": True, **SAMPLING}, take)
    return "".join(words)


def main() -> None:
    answer = think(*sys.argv[1:3])
    sound = asyncio.run(choose_speaker("default", find_flite()).speak(answer))
    print(answer, len(sound), flush=True)
    os._exit(0)  # without waiting for llama.cpp's threads to end


if __name__ == "__main__":
    main()
