"""audiocli: talk with audio models from a shell, from Python, and through one OpenAI-compatible endpoint.

`ask`, `stream`, `transcribe` and their asynchronous twins, `aask` and so on, are the command line's core.
`completion`, `transcription`, `speech`, `completion_cost`, `supports_audio_*` and `exceptions` are LiteLLM's
SDK, so that `import audiocli as litellm` runs its code. Everything is imported when it is first used;
`__init__.pyi` tells type checkers what there is.
"""

__version__ = "0.1.0"

_HOMES = {
    "ask": "library.asking",
    "aask": "library.asking",
    "stream": "library.asking",
    "astream": "library.asking",
    "transcribe": "library.transcribing",
    "atranscribe": "library.transcribing",
    "capabilities": "library.lookup",
    "completion": "sdk.completions",
    "acompletion": "sdk.completions",
    "transcription": "sdk.transcriptions",
    "atranscription": "sdk.transcriptions",
    "speech": "sdk.speeches",
    "aspeech": "sdk.speeches",
    "completion_cost": "sdk.costs",
    "get_model_info": "sdk.costs",
    "exceptions": "exceptions",
    "supports_audio_input": "sdk.supports",
    "supports_audio_output": "sdk.supports",
    "Document": "sdk.document",
    "Answer": "client",
    "Capabilities": "catalog",
    "Event": "chat",
    "TextDelta": "chat",
    "TranscriptDelta": "chat",
    "AudioStarted": "chat",
    "AudioDelta": "chat",
    "Finished": "chat",
    "Usage": "chat",
    "Transcript": "library.transcribing",
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
    "BadRequestError": "errors",
    "NotFoundError": "errors",
    "PermissionDeniedError": "errors",
    "UnprocessableEntityError": "errors",
    "ContextWindowExceededError": "errors",
    "ContentPolicyViolationError": "errors",
    "ServiceUnavailableError": "errors",
    "OpenAIError": "exceptions",
    "InvalidRequestError": "exceptions",
    "UnsupportedParamsError": "exceptions",
    "Timeout": "exceptions",
    "APITimeoutError": "exceptions",
    "APIConnectionError": "exceptions",
    "APIError": "exceptions",
    "APIStatusError": "exceptions",
    "APIResponseValidationError": "exceptions",
    "InternalServerError": "exceptions",
    "BadGatewayError": "exceptions",
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
