"""Where a text that is still being written can be cut, so that its beginning can be spoken."""

import re

_BREAK = re.compile(r"""(?P<end>[.!?:]["'”\u2019)\]*]*)\s+|\n+""")
_CLAUSE = re.compile(r"[,;]\s")
_NO_END = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])|(?:^|\n)\s*\d+)\.$")
_MARKUP = re.compile(r"[*_#`]+")

_LONG_CLAUSE = 40  # characters, about 2.5 s of speech: enough to hide how long the rest takes to make


def take_sentences(text: str) -> tuple[list[str], str]:
    """The sentences of `text` that are over, and what is left of it.

    One is over once white space follows it: `3.` may become `3.14`. A colon ends one as well.
    """
    sentences = []
    start = 0
    for found in _BREAK.finditer(text):
        end = found.end("end") if found["end"] else found.start()
        if not _NO_END.search(text[start:end]):
            sentences.append(text[start:end])
            start = found.end()
    return [sentence for sentence in sentences if speakable(sentence)], text[start:]


def take_clause(text: str) -> tuple[list[str], str]:
    """As `take_sentences`, for how an answer begins: a clause will do if the sentence is long."""
    sentences, rest = take_sentences(text)
    found = _CLAUSE.search(text, _LONG_CLAUSE)
    if sentences or not found:
        return sentences, rest
    return [text[: found.start() + 1]], text[found.end() :]


def is_over(text: str) -> bool:
    """Whether `text` ends with the end of a sentence."""
    stripped = text.rstrip("\"'”\u2019)]* ")
    return stripped.endswith((".", "!", "?")) and not _NO_END.search(stripped)


def speakable(text: str) -> str:
    """`text` without what is only for the eye; empty where nothing is left to say."""
    spoken = " ".join(_MARKUP.sub("", text).split())
    return spoken if any(character.isalnum() for character in spoken) else ""
