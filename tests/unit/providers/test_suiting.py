"""Which model writes down where none is named, and what a named one is known not to give."""

from pathlib import Path

import pytest

from audiocli.catalog import Capabilities, lookup
from audiocli.config import Config, Deployment
from audiocli.errors import AuthenticationError, CapabilityError
from audiocli.providers.hosts import HOSTS
from audiocli.providers.naming import resolve
from audiocli.providers.openai.transcription import OpenAITranscriptions
from audiocli.providers.openai.verbatim import Verbatim
from audiocli.providers.registry import transcriber
from audiocli.providers.suiting import Wanted, chats, check_suits, ending, instead
from audiocli.providers.target import Target
from audiocli.secret import Secret

KEY = Secret("sk-test-0123456789")
HERE = "http://127.0.0.1:8000/v1"
TODAY = "2026-11-23"
AFTER_WHISPER = "2027-03-01"


def resolved(config: Config, name: str | None = None, base_url: str | None = None) -> Target:
    return resolve(config, name, base_url, purpose="transcription")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(today=TODAY), "openai/gpt-transcribe"),
        (Wanted(timed=True, today=TODAY), "openai/whisper-1"),
        (Wanted(words=True, today=TODAY), "openai/whisper-1"),
        (Wanted(speakers=True, today=TODAY), "openai/gpt-4o-transcribe-diarize"),
        (Wanted(timed=True, today=AFTER_WHISPER), "openai/gpt-transcribe"),
    ],
)
def test_the_hosted_default_gives_what_is_wanted_while_there_is_one(wanted: Wanted, expected: str) -> None:
    target = resolve(Config(api_key=KEY), purpose="transcription", wanted=wanted)
    assert (target.name, target.chosen) == (expected, True)


@pytest.mark.parametrize("name", [None, "local", "local/moonshine-tiny-en", "local/smollm2-135m"])
def test_without_a_key_and_by_its_name_the_recogniser_here_writes_down(name: str | None) -> None:
    assert resolved(Config(), name).name == "local/moonshine-tiny-en"


def test_for_a_chat_local_still_is_the_model_that_answers() -> None:
    assert resolve(Config(), "local").name == "local/smollm2-135m"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gpt-transcribe", OpenAITranscriptions),
        ("openai/whisper-1", OpenAITranscriptions),
        ("openai/not-out-yet", OpenAITranscriptions),
        ("gpt-audio-1.5", Verbatim),
    ],
)
def test_a_models_kind_decides_the_way(name: str, kind: type[object]) -> None:
    target = resolved(Config(api_key=KEY), name)
    assert isinstance(transcriber(target, Config(), lambda what, done, total: None), kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Systran/faster-whisper-small", OpenAITranscriptions), ("Qwen/Qwen2.5-Omni-7B", Verbatim)],
)
def test_at_another_server_what_nobody_knows_has_an_endpoint(name: str, kind: type[object]) -> None:
    target = resolved(Config(), name, HERE)
    assert target.model == name
    assert isinstance(transcriber(target, Config(), lambda what, done, total: None), kind)


def test_a_missing_key_is_said() -> None:
    with pytest.raises(AuthenticationError, match="set GROQ_API_KEY"):
        transcriber(resolved(Config(), "groq/whisper-large-v3"), Config(), lambda what, done, total: None)


@pytest.mark.parametrize(
    ("name", "variable", "base_url"),
    [
        ("groq/whisper-large-v3", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
        ("mistral/voxtral-mini-latest", "MISTRAL_API_KEY", "https://api.mistral.ai/v1"),
        ("openrouter/openai/whisper-1", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
    ],
)
def test_a_host_gets_its_own_key_and_nothing_of_openais(name: str, variable: str, base_url: str) -> None:
    config = Config(
        api_key=KEY, environ={variable: "own-key-012345678"}, headers={"OpenAI-Organization": "org"}
    )
    endpoint = resolved(config, name).endpoint
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.key_variable) == (base_url, variable)
    assert (endpoint.api_key, endpoint.headers) == (Secret("own-key-012345678"), {})


@pytest.mark.parametrize(
    ("name", "base_url", "sent"),
    [
        ("gpt-audio", None, True),
        ("gpt-audio", HERE, True),
        ("groq/whisper-large-v3", None, False),
        ("mine", None, False),
    ],
)
def test_the_headers_of_an_account_go_only_where_its_key_goes(
    name: str, base_url: str | None, sent: bool
) -> None:
    config = Config(
        api_key=KEY,
        headers={"OpenAI-Organization": "org"},
        deployments={"mine": Deployment(model="openai/x", base_url=HERE)},
    )
    endpoint = resolve(config, name, base_url).endpoint
    assert endpoint is not None
    assert (bool(endpoint.headers), endpoint.api_key == KEY) == (sent, sent)


def test_a_deployment_at_a_host_has_the_hosts_ways() -> None:
    own = Deployment(model="mistral/voxtral-mini-latest", api_key="key-0123456789")
    target = resolved(Config(deployments={"mine": own}), "mine")
    assert target.endpoint is not None
    assert target.endpoint.dialect == HOSTS["mistral"].dialect
    assert target.capabilities is not None
    assert target.capabilities.speakers


@pytest.mark.parametrize(
    ("name", "wanted", "message"),
    [
        ("gpt-4o", Wanted(), "gpt-4o does not take audio; use gpt-transcribe"),
        ("tts-1", Wanted(), "tts-1 is a speech model, which writes nothing down"),
        ("gpt-realtime-whisper", Wanted(), "hears only over a live connection"),
        ("gpt-live-transcribe", Wanted(), "hears only over a live connection"),
        ("whisper-1", Wanted(today=AFTER_WHISPER), "was retired on 2027-02-26; use gpt-transcribe"),
        (
            "gpt-transcribe",
            Wanted(words=True, today=TODAY),
            "use whisper-1 or groq/whisper-large-v3 or local",
        ),
        ("gpt-transcribe", Wanted(words=True, today=AFTER_WHISPER), "use groq/whisper-large-v3 or local"),
        ("gpt-audio-1.5", Wanted(words=True), "does not tell when each word is said"),
        (
            "whisper-1",
            Wanted(speakers=True),
            "who speaks; leave out the speakers, or use gpt-4o-transcribe-diarize",
        ),
        ("gpt-audio-1.5", Wanted(speakers=True), "does not tell who speaks"),
        ("gpt-4o-transcribe-diarize", Wanted(prompt=True), "takes no prompt; leave out the prompt"),
        (
            "gpt-4o-transcribe-diarize",
            Wanted(speakers=True, today=AFTER_WHISPER),
            "was retired on 2027-02-26; use mistral/voxtral-mini-latest",
        ),
        (
            "whisper-1",
            Wanted(timed=True, today=AFTER_WHISPER),
            "was retired on 2027-02-26; use groq/whisper-large-v3 or local",
        ),
        (
            "gpt-transcribe",
            Wanted(words=True, speakers=True, today=TODAY),
            "said; leave out the words, or use mistral/voxtral-mini-2602",
        ),
        (
            "gpt-transcribe",
            Wanted(words=True, speakers=True, prompt=True, today=TODAY),
            "said; leave out the words; no other model is known to do what is asked",
        ),
    ],
)
def test_what_is_known_to_be_impossible_is_refused_with_a_way_out(
    name: str, wanted: Wanted, message: str
) -> None:
    with pytest.raises(CapabilityError) as caught:
        check_suits(lookup(name), wanted)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (None, Wanted(words=True, speakers=True, prompt=True)),
        (Capabilities(id="m"), Wanted(words=True, speakers=True, prompt=True)),
        (lookup("whisper-1"), Wanted(words=True, prompt=True, today=TODAY)),
        (lookup("gpt-4o-transcribe-diarize"), Wanted(speakers=True, today=TODAY)),
        (lookup("gpt-audio-1.5"), Wanted(prompt=True)),
        (lookup("local/moonshine-tiny-en"), Wanted(words=True)),
    ],
)
def test_what_is_possible_or_not_known_is_let_through(known: Capabilities | None, wanted: Wanted) -> None:
    check_suits(known, wanted)


def test_a_users_own_facts_can_make_a_model_chat() -> None:
    own = Deployment(model="openai/mine", base_url=HERE, model_info={"supports_audio_input": True})
    assert chats(
        resolved(Config(deployments={"mine": own}, cache_dir=Path("/nonexistent")), "mine").capabilities
    )


@pytest.mark.parametrize(
    ("ready", "named"),
    [
        ((), "gpt-4o-transcribe-diarize or mistral/voxtral-mini-latest"),
        (("mistral",), "gpt-4o-transcribe-diarize or mistral/voxtral-mini-latest"),
    ],
)
def test_a_models_own_provider_is_advised_first(ready: tuple[str, ...], named: str) -> None:
    known = lookup("gpt-transcribe")
    assert known is not None
    assert instead(known, "transcription", Wanted(speakers=True, today=TODAY), ready) == f"use {named}"


def test_then_one_whose_key_is_set() -> None:
    known = lookup("groq/whisper-large-v3")
    assert known is not None
    wanted = Wanted(speakers=True, today=TODAY)
    assert instead(known, "transcription", wanted) == "use gpt-4o-transcribe-diarize"
    assert instead(known, "transcription", wanted, ("mistral",)) == "use mistral/voxtral-mini-latest"
    target = resolve(Config(environ={"MISTRAL_API_KEY": "sk-mistral-0123"}), "groq/whisper-large-v3")
    assert target.ready == ("mistral", "local")


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("whisper-1", Wanted(today=TODAY), "retires 2027-02-26, use gpt-transcribe"),
        (
            "whisper-1",
            Wanted(words=True, today=TODAY),
            "retires 2027-02-26, use groq/whisper-large-v3 or local",
        ),
        (
            "gpt-4o-transcribe-diarize",
            Wanted(speakers=True, today=TODAY),
            "retires 2027-02-26, use mistral/voxtral",
        ),
        ("gpt-transcribe", Wanted(today=TODAY), None),
    ],
)
def test_what_follows_a_model_can_do_what_is_asked(name: str, wanted: Wanted, said: str | None) -> None:
    known = lookup(name)
    assert known is not None
    told = ending(known, "transcription", wanted)
    assert told is None if said is None else (told or "").startswith(said)


@pytest.mark.parametrize(
    ("name", "wanted", "advice"),
    [
        ("gpt-4o", Wanted(heard=True, today=TODAY), "use gpt-audio-1.5 or mistral/voxtral-small-latest"),
        ("gpt-4o", Wanted(spoken=True, today=TODAY), "use gpt-audio-1.5 or openrouter/openai/gpt-audio"),
        (
            "gemini/gemini-flash-latest",
            Wanted(spoken=True, today=TODAY),
            "use gemini/gemini-omni-1.2-flash or gpt",
        ),
    ],
)
def test_for_a_chat_a_model_is_advised_that_hears_and_speaks_as_is_asked(
    name: str, wanted: Wanted, advice: str
) -> None:
    known = lookup(name)
    assert known is not None
    assert instead(known, "chat", wanted).startswith(advice)
