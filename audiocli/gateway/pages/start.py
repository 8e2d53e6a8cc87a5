"""The page at `/`: what this is, how to ask it, its models and its routes. It loads and runs nothing."""

import html
from collections.abc import Iterator, Mapping, Sequence
from string import Template

from audiocli import __version__

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

MOST_SHOWN = 200  # models
EXAMPLE_MODEL = "gpt-audio-1.5"  # where none is known to speak

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>audiocli</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }
pre { overflow-x: auto; padding: 1em; border: 1px solid }
dd { margin: 0 0 .5em 2em }
</style>
</head>
<body>
<h1>audiocli $version</h1>
<p>An OpenAI-compatible gateway for models that hear and speak. Point OpenAI's clients at
<code>$url/v1</code>.</p>
<h2>Try it</h2>
<pre>$example</pre>
<h2>Models</h2>
<ul>
$models
</ul>
<h2>Routes</h2>
<dl>
$routes
</dl>
</body>
</html>
""")

_EXAMPLE = Template("""curl $url/v1/chat/completions \\
$key  -H "Content-Type: application/json" \\
  -d '{"model": "$model", "modalities": ["text", "audio"],
       "audio": {"voice": "alloy", "format": "wav"},
       "messages": [{"role": "user", "content": "Say hello."}]}'""")

_ROUTES = {
    "POST /v1/chat/completions": "chat with audio in and out, streamed or whole",
    "POST /v1/audio/transcriptions": "what a recording says; also /v1/audio/translations",
    "POST /v1/audio/speech": "a text, read aloud",
    "GET /v1/models": "the models, as OpenAI lists them",
    "GET /model/info": "what is known of each; /model_group/info by the names that clients use",
    "GET /health": "deployment health, from live traffic; ?model= for one",
    "POST /health/probe": "sends each deployment a real, billed request; ?model= for one",
    "GET /health/readiness": "for supervisors, without a key; /health/liveness as well",
    "GET /metrics": "counters for Prometheus",
}
_KEY = '  -H "Authorization: Bearer $AUDIOCLI_KEY" \\\n'


def front_page(url: str, names: Sequence[str] | None, asked: str, *, keyed: bool) -> str:
    """The page of the gateway at `url`, with an example that asks a model, with a key if it is `keyed`.

    `names` are the models' names; `None` if they are not for this client.
    """
    example = _EXAMPLE.substitute(url=url, key=_KEY if keyed else "", model=asked)
    return _PAGE.substitute(
        version=html.escape(__version__),
        url=html.escape(url),
        models="\n".join(f"<li>{each}</li>" for each in _listed(names)),
        routes="\n".join(f"<dt><code>{path}</code></dt><dd>{what}</dd>" for path, what in _ROUTES.items()),
        example=html.escape(example),
    )


def _listed(names: Sequence[str] | None) -> Iterator[str]:
    if names is None:
        yield "GET /v1/models lists them, with the key"
        return
    for name in names[:MOST_SHOWN]:
        yield f"<code>{html.escape(name)}</code>"
    if len(names) > MOST_SHOWN:
        yield "and more: GET /v1/models lists them all"
