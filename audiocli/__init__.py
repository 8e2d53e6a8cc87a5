"""audiocli: talk with audio models from a shell, from Python, and through one OpenAI-compatible door.

`ask`, `stream`, `transcribe` and their asynchronous twins, `aask` and so on, are the command line's core.
`completion`, `acompletion` and `supports_audio_*` are LiteLLM's SDK, so that `import audiocli as litellm`
runs its code. Everything is imported when it is first used; `__init__.pyi` tells type checkers what there is.
"""

__version__ = "0.1.0"

_HOMES = {
    "ask": "library.asking",
    "aask": "library.asking",
    "stream": "library.asking",
    "astream": "library.asking",
    "transcribe": "library.transcribing",
    "atranscribe": "library.transcribing",
    "capabilities": "capabilities",
    "completion": "sdk.completions",
    "acompletion": "sdk.completions",
    "supports_audio_input": "sdk.supports",
    "supports_audio_output": "sdk.supports",
    "Document": "sdk.document",
    "Answer": "client",
    "Capabilities": "capabilities",
    "Event": "chat",
    "TextDelta": "chat",
    "TranscriptDelta": "chat",
    "AudioStarted": "chat",
    "AudioDelta": "chat",
    "Finished": "chat",
    "Usage": "chat",
    "Transcript": "transcript",
    "Segment": "transcript",
    "Word": "transcript",
    "AudiocliError": "errors",
    "UsageError": "errors",
    "ConfigError": "errors",
    "InputError": "errors",
    "DependencyError": "errors",
    "CapabilityError": "errors",
    "OutputError": "errors",
    "ProviderError": "errors",
    "AuthenticationError": "errors",
    "RejectedError": "errors",
    "RateLimitError": "errors",
    "ConnectError": "errors",
    "DeadlineError": "errors",
    "ServerError": "errors",
    "ReplyError": "errors",
}
"""Each public name, and the module that has it."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f"{__name__}.{_HOMES[name]}")
    value: object = home if name == _HOMES[name] else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
