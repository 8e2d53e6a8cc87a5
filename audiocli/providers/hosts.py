"""The services that are asked by their names, each a row."""

from dataclasses import dataclass

from audiocli.config import OPENAI_KEY_VARIABLE
from audiocli.providers.endpoint import OPENAI_DIALECT, Dialect
from audiocli.providers.target import OPENAI_WIRE

OPENAI = "openai"
LOCAL = "local"
"""What runs in this process, beside the hosts."""


@dataclass(frozen=True)
class Host:
    """A service that speaks OpenAI's chat completions and transcriptions, or one of the two.

    `max_tokens_field` is its name for that limit, `dialect` how else it differs. `account` says
    that the headers that go with OpenAI's key are for it. `models` are those that are asked without being
    named, if the table knows that they can do it: of several that can, the first. `wire` is how it is spoken
    to, and `key_header` where its key goes, after "Bearer" in `Authorization`.
    """

    base_url: str
    key_variable: str
    max_tokens_field: str
    dialect: Dialect = OPENAI_DIALECT
    account: bool = False
    models: tuple[str, ...] = ()
    wire: str = OPENAI_WIRE
    key_header: str = "Authorization"


HOSTS: dict[str, Host] = {
    "openai": Host(
        "https://api.openai.com/v1",
        OPENAI_KEY_VARIABLE,
        "max_completion_tokens",
        account=True,
        models=("gpt-audio-1.5", "gpt-transcribe", "whisper-1", "gpt-4o-transcribe-diarize"),
    ),
    "groq": Host(
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "max_completion_tokens",
        models=("whisper-large-v3", "openai/gpt-oss-120b"),
    ),
    "mistral": Host(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "max_tokens",
        # Its SDK (mistralai 2.0) has no other fields, and always one form of answer.
        Dialect(
            names={
                "response_format": "",
                "timestamp_granularities[]": "timestamp_granularities",
                "chunking_strategy": "",
                "prompt": "",
            },
            speakers=(("diarize", "true"),),
            speech={"voice": "voice_id", "speed": "", "instructions": ""},
            float_pcm=True,
        ),
        models=("voxtral-small-latest", "voxtral-mini-latest"),
    ),
    "openrouter": Host(
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "max_tokens",
        models=("google/gemini-3.5-flash", "openai/gpt-audio"),
    ),
    "gemini": Host(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "max_completion_tokens",
        models=("gemini-flash-latest",),
    ),
    "together_ai": Host(
        "https://api.together.ai/v1",
        "TOGETHER_API_KEY",
        "max_tokens",
        models=("openai/whisper-large-v3", "openai/gpt-oss-120b"),
    ),
    "fireworks_ai": Host(
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        "max_tokens",
        models=("accounts/fireworks/models/gpt-oss-120b",),
    ),
}
"""By the names that LiteLLM has for them."""
