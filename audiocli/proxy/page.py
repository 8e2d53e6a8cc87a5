"""The page at `/`: what this is, its models, and how to ask one. It loads nothing, and runs nothing."""

import html
from collections.abc import Mapping, Sequence
from string import Template

from audiocli import __version__

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

MOST_SHOWN = 200  # models

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>audiocli</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }
pre { overflow-x: auto; padding: 1em; border: 1px solid }
</style>
</head>
<body>
<h1>audiocli $version</h1>
<p>An OpenAI-compatible gateway for models that hear and speak. Point OpenAI's clients at
<code>$url/v1</code>.</p>
<h2>Models</h2>
<ul>
$models
</ul>
<h2>Try it</h2>
<pre>$example</pre>
</body>
</html>
""")

_EXAMPLE = Template("""curl $url/v1/chat/completions \\
$key  -H "Content-Type: application/json" \\
  -d '{"model": "$model", "modalities": ["text", "audio"],
       "audio": {"voice": "alloy", "format": "wav"},
       "messages": [{"role": "user", "content": "Say hello."}]}'""")

_KEY = '  -H "Authorization: Bearer $AUDIOCLI_KEY" \\\n'


def front_page(url: str, names: Sequence[str], *, keyed: bool) -> str:
    """The page of the gateway at `url`, whose example has a key where one is needed."""
    example = _EXAMPLE.substitute(
        url=url, key=_KEY if keyed else "", model=names[0] if names else "gpt-audio-1.5"
    )
    shown = [f"<li><code>{html.escape(name)}</code></li>" for name in names[:MOST_SHOWN]]
    if len(names) > MOST_SHOWN:
        shown.append("<li>and more: GET /v1/models lists them all</li>")
    return _PAGE.substitute(
        version=html.escape(__version__),
        url=html.escape(url),
        models="\n".join(shown),
        example=html.escape(example),
    )
