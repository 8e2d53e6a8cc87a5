"""What the gateway tells of its models, of how they do, and of itself."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway import CHAT, COMPLETION, MODEL, answer, deployment, gateway, refuse
from tests.servers import Exchange, serve

NOWHERE = "http://127.0.0.1:9"
KEY = "sk-master-0123456789"

# docs.litellm.ai/docs/completion/audio, with a key in place of the environment's
DOCUMENTED: list[dict[str, Any]] = [
    {
        "model_name": "gpt-4o-audio-preview",
        "litellm_params": {"model": "openai/gpt-4o-audio-preview", "api_key": "sk-upstream-0123456789"},
    },
    {
        "model_name": "llava-hf",
        "litellm_params": {
            "model": "openai/llava-hf/llava-v1.6-vicuna-7b-hf",
            "api_base": "http://localhost:8000",
            "api_key": "fake-key",
        },
        "model_info": {"supports_audio_output": True, "supports_audio_input": True},
    },
]
EXPECTED: list[dict[str, Any]] = [
    {
        "model_group": "gpt-4o-audio-preview",
        "providers": ["openai"],
        "max_input_tokens": 128000,
        "max_output_tokens": 16384,
        "mode": "chat",
        "supports_audio_output": True,
        "supports_audio_input": True,
    },
    {
        "model_group": "llava-hf",
        "providers": ["openai"],
        "max_input_tokens": None,
        "max_output_tokens": None,
        "mode": None,
        "supports_audio_output": True,
        "supports_audio_input": True,
    },
]


def test_the_documented_groups_are_told_word_for_word(tmp_path: Path) -> None:
    with gateway(tmp_path, *DOCUMENTED, general_settings={"master_key": KEY}) as gate:
        told = gate.get("/model_group/info", **{"x-api-key": KEY}).json()
        one = gate.get("/model_group/info?model_group=llava-hf", **{"x-api-key": KEY}).json()
        refused = gate.get("/model_group/info")
    shown = [{name: row[name] for name in EXPECTED[0]} for row in told["data"]]
    assert shown == EXPECTED
    assert one["data"] == [told["data"][1]]
    assert refused.status_code == 401


def test_the_models_are_listed_as_openai_does(tmp_path: Path) -> None:
    aliases = {"speak": "voice", "secret": {"model": "voice", "hidden": True}}
    wildcard = {"model_name": "mine/*", "litellm_params": {"model": "openai/*", "api_key": "sk-0123456789"}}
    rows = [deployment(NOWHERE), wildcard]
    with gateway(tmp_path, *rows, router_settings={"model_group_alias": aliases}) as gate:
        listed = gate.get("/v1/models").json()
        assert gate.get("/models").json() == listed
        names = [model["id"] for model in listed["data"]]
        assert names[:2] == ["voice", "speak"]
        assert {"mine/gpt-audio-1.5", "mine/whisper-1"} < {*names}
        assert "secret" not in names
        assert "mine/*" not in names
        for name in ("voice", "secret", "mine/gpt-audio-1.5", "mine/anything"):
            model = gate.get(f"/v1/models/{name}").json()
            assert (model["id"], model["object"]) == (name, "model")
        missing = gate.get("/v1/models/nope")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


def test_what_is_told_of_a_deployment_has_no_secrets(tmp_path: Path) -> None:
    row = deployment("http://user:pass-word@127.0.0.1:9/v1", extra_headers={"X-Secret": "hush-hush"}, rpm=7)
    with gateway(tmp_path, row | {"model_info": {"id": "one", "team": "red"}}) as gate:
        told = gate.get("/v1/model/info")
        assert gate.get("/model/info").json() == told.json()
        texts = [told.text, gate.get("/health").text, gate.get("/").text, gate.get("/metrics").text]
    (model,) = told.json()["data"]
    assert model["model_name"] == "voice"
    assert model["litellm_params"]["rpm"] == 7
    assert (model["model_info"]["id"], model["model_info"]["team"]) == ("one", "red")
    assert model["model_info"]["supports_audio_output"] is True
    for secret in ("pass-word", "hush-hush", "sk-upstream"):
        assert all(secret not in text for text in texts), secret


def test_health_is_what_traffic_has_shown_and_asks_nobody(tmp_path: Path) -> None:
    def no(exchange: Exchange) -> None:
        refuse(exchange, "401 Unauthorized")

    with serve(answer) as well, serve(no) as ill:
        with gateway(tmp_path, deployment(well.url, "well"), deployment(ill.url, "ill")) as gate:
            assert gate.get("/health").json()["healthy_count"] == 2
            assert not well.exchanges
            gate.ask("well")
            gate.ask("ill")
            told = gate.get("/health").json()
            one = gate.get("/health?model=ill").json()
        assert (len(well.exchanges), len(ill.exchanges)) == (1, 1)
    assert [row["model_group"] for row in told["healthy_endpoints"]] == ["well"]
    assert told["healthy_endpoints"][0]["seconds_since_success"] >= 0
    (row,) = told["unhealthy_endpoints"]
    assert (row["model_group"], row["cooling"], row["last_error"]) == ("ill", True, "UpstreamAuthError")
    assert (one["healthy_count"], one["unhealthy_count"]) == (0, 1)


def test_a_probe_asks_each_model_once_in_its_own_way(tmp_path: Path) -> None:
    def respond(exchange: Exchange) -> None:
        if b"/audio/speech" in exchange.head:
            exchange.reply(b"RIFF", media_type="audio/wav")
        else:
            answer(exchange, {**COMPLETION, "text": "hi"})

    def no(exchange: Exchange) -> None:
        refuse(exchange, "503 Service Unavailable")

    with serve(respond) as server, serve(no) as ill:
        rows = [
            deployment(server.url, "chat"),
            deployment(server.url, "writes", model="openai/whisper-1"),
            deployment(server.url, "speaks", model="openai/tts-1"),
            deployment(ill.url, "ill"),
        ]
        with gateway(tmp_path, *rows) as gate:
            told = gate.post("/health/probe").json()
            gate.post("/health/probe?model=chat")
            logged = [entry["status"] for entry in gate.entries(5)]
        asked = sorted(exchange.head.split(b" ")[1].decode() for exchange in server.exchanges)
    chats = ["/chat/completions"] * 2
    assert asked == ["/audio/speech", "/audio/transcriptions", *chats]
    assert (told["healthy_count"], told["unhealthy_count"]) == (3, 1)
    assert [row["last_error"] for row in told["healthy_endpoints"]] == [None] * 3
    assert told["unhealthy_endpoints"][0]["error"].startswith("ServiceUnavailableError")
    assert sorted(logged) == [200, 200, 200, 200, 503]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["probe=true", "probe=1", "probe", "probe=TRUE&model=voice", "probe=yes"])
def test_a_probe_is_not_had_by_an_image(tmp_path: Path, method: str, query: str) -> None:
    with serve(answer) as server, gateway(tmp_path, deployment(server.url)) as gate:
        refused = httpx.request(method, f"{gate.url}/health?{query}")
        assert gate.get("/health?probe=false").status_code == 200
    assert refused.status_code == 405
    if method == "GET":
        assert refused.json()["error"]["message"].endswith("POST /health/probe")
    assert not server.exchanges


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/health/liveliness", "I'm alive!"),
        ("/health/liveness", "I'm alive!"),
        ("/health/readiness", {"status": "healthy"}),
    ],
)
def test_what_a_supervisor_asks_is_open_and_free(tmp_path: Path, path: str, expected: Any) -> None:
    with gateway(tmp_path, deployment(NOWHERE), general_settings={"master_key": KEY}) as gate:
        response = gate.get(path)
        head = httpx.head(gate.url + path)
    assert (response.status_code, response.json()) == (200, expected)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == response.headers["content-length"]


def test_the_front_page_is_plain_and_says_what_there_is(tmp_path: Path) -> None:
    rows = [deployment(NOWHERE, "writes", model="openai/whisper-1"), deployment(NOWHERE, "<b>&amp;")]
    with gateway(tmp_path, *rows, general_settings={"master_key": KEY}) as gate:
        page = gate.get("/", **{"x-api-key": KEY})
        for path in ("/v1/chat/completions", "/v1/audio/speech", "/v1/models", "/metrics"):
            assert path in page.text
        assert f"curl {gate.url}/v1/chat/completions" in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;&amp;amp;&quot;, &quot;modalities" in page.text
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert "$AUDIOCLI_KEY" in page.text
    assert KEY not in page.text


@pytest.mark.parametrize("key", [None, "sk-other-0123456789"])
def test_without_the_key_nothing_names_a_model(tmp_path: Path, key: str | None) -> None:
    paths = [
        "/",
        "/health",
        "/health/liveness",
        "/health/readiness",
        "/metrics",
        "/openapi.json",
        "/model/info",
    ]
    paths += ["/v1/models", "/v1/models/my-voice", "/nothing", "/v1/models/", "//", "/health/probe"]
    headers = {} if key is None else {"x-api-key": key}
    with serve(answer) as server:
        row = deployment(server.url, "my-voice")
        keyed = {"general_settings": {"master_key": KEY}}
        with gateway(tmp_path, row, **keyed, options=["--docs"]) as gate:
            texts = [gate.get(path, **headers).text for path in paths]
            texts += [gate.post(path, headers=headers, json={"model": "x"}).text for path in (CHAT, *paths)]
            assert "my-voice" in gate.get("/", **{"x-api-key": KEY}).text
    for text in texts:
        assert "my-voice" not in text
        assert MODEL not in text
        assert "gpt-audio-1.5" not in text or "<title>audiocli" in text  # the example's
    assert not server.exchanges
