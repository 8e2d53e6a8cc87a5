"""Ask a model from Python: python samples/ask.py "Is a golden retriever a good family dog?" answer.wav"""

import sys

import audiocli


def show(event: audiocli.Event) -> None:
    if isinstance(event, audiocli.TranscriptDelta):
        print(event.text, end="", flush=True)


prompt, path = sys.argv[1:]
answer = audiocli.ask(prompt, output=path, show=show)
print(f"\n{answer.recording}")
