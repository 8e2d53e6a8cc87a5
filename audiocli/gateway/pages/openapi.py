"""What is served, as an OpenAPI document (3.1). Written by hand: it says what is true of every deployment."""

from typing import Any

from audiocli import __version__
from audiocli.wire.openai.speech import FASTEST, MAX_CHARACTERS, MEDIA_TYPES, SLOWEST
from audiocli.wire.openai.transcription import GRANULARITIES, RESPONSE_FORMATS

Schema = dict[str, Any]

_OBJECT: Schema = {"type": "object"}
_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: tuple[str, ...], **members: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": members}


def _or_null(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _in_data(items: Schema, **members: Schema) -> Schema:
    return _object(("data",), data=_list_of(items), **members)


_SCHEMAS: Schema = {
    "Error": _object(
        ("error",),
        error=_object(
            ("message", "type", "param", "code"),
            message=_TEXT,
            type=_TEXT,
            param=_or_null("string"),
            code=_or_null("string"),
        ),
    ),
    "Model": _object(
        ("id", "object", "created", "owned_by"),
        id=_TEXT,
        object={"const": "model"},
        created={"type": "integer"},
        owned_by=_TEXT,
    ),
    "Deployment": _object(
        ("model_name", "litellm_params", "model_info"),
        model_name=_TEXT,
        litellm_params=_object(("model",), model=_TEXT, api_base=_TEXT),
        model_info=_object(
            ("id", "mode"),
            id={},
            mode=_or_null("string"),
            supports_audio_input=_or_null("boolean"),
            supports_audio_output=_or_null("boolean"),
        ),
    ),
    "Group": _object(
        ("model_group", "providers", "mode"),
        model_group=_TEXT,
        providers=_list_of(_TEXT),
        max_input_tokens=_or_null("number"),
        max_output_tokens=_or_null("number"),
        mode=_or_null("string"),
        supports_audio_input=_or_null("boolean"),
        supports_audio_output=_or_null("boolean"),
    ),
    "Health": _object(
        ("healthy_endpoints", "unhealthy_endpoints", "healthy_count", "unhealthy_count"),
        healthy_endpoints=_list_of(_OBJECT),
        unhealthy_endpoints=_list_of(_OBJECT),
        healthy_count={"type": "integer"},
        unhealthy_count={"type": "integer"},
    ),
    "Readiness": _object(("status",), status=_TEXT),
    "ChatRequest": _object(
        ("model", "messages"),
        model=_NAME,
        messages={"type": "array", "minItems": 1, "items": _reference("Message")},
        modalities=_list_of({"enum": ["text", "audio"]}),
        audio=_object(("voice", "format"), voice=_NAME, format=_NAME),
        stream={"type": "boolean"},
        temperature={"type": "number", "minimum": 0, "maximum": 2},
        max_completion_tokens={"type": "integer", "minimum": 1},
    ),
    "Message": _object(
        ("role", "content"),
        role={"enum": ["system", "developer", "user", "assistant"]},
        content={"oneOf": [_TEXT, {"type": "array", "minItems": 1, "items": _reference("Part")}]},
    ),
    "Part": {
        "oneOf": [
            _object(("type", "text"), type={"const": "text"}, text=_TEXT),
            _object(
                ("type", "input_audio"),
                type={"const": "input_audio"},
                input_audio=_object(
                    ("data", "format"), data={"type": "string", "contentEncoding": "base64"}, format=_NAME
                ),
            ),
        ]
    },
    "Completion": _object(
        ("id", "object", "created", "model", "choices"),
        object={"const": "chat.completion"},
        choices=_list_of(_OBJECT),
    ),
    "SpeechRequest": _object(
        ("model", "input", "voice"),
        model=_NAME,
        input={"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
        voice=_NAME,
        response_format={"enum": [*MEDIA_TYPES]},
        speed={"type": "number", "minimum": SLOWEST, "maximum": FASTEST},
        stream_format={"enum": ["audio", "sse"]},
    ),
    "TranscriptionRequest": {
        **_object(
            ("model", "file"),
            model=_NAME,
            file={"type": "string", "contentMediaType": "application/octet-stream"},
            language=_TEXT,
            prompt=_TEXT,
            response_format={"enum": [*RESPONSE_FORMATS]},
            stream={"enum": ["true", "false"]},
        ),
        "patternProperties": {r"^timestamp_granularities\[\]$": _list_of({"enum": [*GRANULARITIES]})},
    },
}


def _content(kind: str, schema: Schema) -> Schema:
    return {kind: {"schema": schema}}


_JSON = "application/json"
_EVENTS: Schema = {"text/event-stream": {}}  # 3.1 has no words for what one of many events holds
_FAILED: Schema = {
    "description": "What went wrong, as OpenAI tells it",
    "content": _content(_JSON, _reference("Error")),
}


def _get(summary: str, content: Schema, *, keyless: bool = False, **more: Any) -> Schema:
    answers = {"200": {"description": summary, "content": content}, "default": _FAILED}
    return {
        "get": {"summary": summary, "responses": answers, **({"security": []} if keyless else {}), **more}
    }


def _post(summary: str, content: Schema, **more: Any) -> Schema:
    answers = {"200": {"description": summary, "content": content}, "default": _FAILED}
    return {"post": {"summary": summary, "responses": answers, **more}}


def _body(kind: str, schema: str) -> Schema:
    return {"required": True, "content": _content(kind, _reference(schema))}


def _asked(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema}


_TRANSCRIPT: Schema = {
    **_content(_JSON, _object(("text",), text=_TEXT)),
    **_content("text/plain", _TEXT),
    **_EVENTS,
}
_FORM = _body("multipart/form-data", "TranscriptionRequest")
_READY = _get("Whether requests are welcome", _content(_JSON, _reference("Readiness")), keyless=True)
_READY["get"]["responses"]["503"] = {
    "description": "They are not",
    "content": _content(_JSON, _reference("Readiness")),
}
_MODEL_ID = [{"name": "id", "in": "path", "required": True, "schema": _NAME}]

DOCUMENT: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "audiocli",
        "version": __version__,
        "description": "An OpenAI-compatible gateway for models that hear and speak.",
    },
    "security": [{"bearer": []}, {"x-api-key": []}, {"api-key": []}],
    "paths": {
        "/": _get("What this is", _content("text/html", _TEXT), keyless=True),
        "/v1/chat/completions": _post(
            "An answer, written or spoken",
            {**_content(_JSON, _reference("Completion")), **_EVENTS},
            requestBody=_body(_JSON, "ChatRequest"),
        ),
        "/v1/audio/speech": _post(
            "A text, read aloud",
            {**{kind: {} for kind in MEDIA_TYPES.values()}, **_EVENTS},
            requestBody=_body(_JSON, "SpeechRequest"),
        ),
        "/v1/audio/transcriptions": _post("What is said in a recording", _TRANSCRIPT, requestBody=_FORM),
        "/v1/audio/translations": _post(
            "What is said in a recording, in English", _TRANSCRIPT, requestBody=_FORM
        ),
        "/v1/models": _get(
            "The models", _content(_JSON, _in_data(_reference("Model"), object={"const": "list"}))
        ),
        "/v1/models/{id}": _get("One model", _content(_JSON, _reference("Model")), parameters=_MODEL_ID),
        "/v1/model/info": _get("The deployments", _content(_JSON, _in_data(_reference("Deployment")))),
        "/model_group/info": _get(
            "What the models can do",
            _content(_JSON, _in_data(_reference("Group"))),
            parameters=[_asked("model_group", _TEXT)],
        ),
        "/health": _get(
            "Deployment health, from live traffic",
            _content(_JSON, _reference("Health")),
            parameters=[_asked("model", _TEXT)],
        ),
        "/health/probe": _post(
            "Deployment health, by a real, billed request to each",
            _content(_JSON, _reference("Health")),
            parameters=[_asked("model", _TEXT)],
        ),
        "/health/liveliness": _get("That it runs", _content(_JSON, _TEXT), keyless=True),
        "/health/liveness": _get("That it runs", _content(_JSON, _TEXT), keyless=True),
        "/health/readiness": _READY,
        "/metrics": _get("Counters, for Prometheus", _content("text/plain", _TEXT)),
    },
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
        },
    },
}
