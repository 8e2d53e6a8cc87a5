"""One rule says which proxy leads to a server."""

import os
import subprocess
import sys

import pytest

from audiocli.errors import ConfigError
from audiocli.http.proxies import decode_proxy, proxy_for

PROXY = "http://proxy.example:3128"


def found(url: str, **variables: str) -> str:
    """The proxy for `url` in a process that has these variables alone."""
    program = (
        "import sys; from audiocli.http.proxies import proxy_for; "
        "p = proxy_for(sys.argv[1]); print(p and p.url)"
    )
    environ = {"PATH": os.environ["PATH"], **variables}
    result = subprocess.run(
        [sys.executable, "-c", program, url], env=environ, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("http://a.example/v1", {"http_proxy": PROXY}, PROXY),
        ("http://a.example/v1", {"HTTP_PROXY": PROXY}, PROXY),
        ("https://a.example/v1", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://a.example/v1", {"HTTP_PROXY": PROXY}, "None"),
        ("https://a.example/v1", {"ALL_PROXY": "proxy.example:3128"}, PROXY),
        ("http://127.0.0.1:4000/v1", {"HTTP_PROXY": PROXY, "NO_PROXY": "127.0.0.1"}, "None"),
        ("http://localhost:4000/v1", {"HTTP_PROXY": PROXY, "NO_PROXY": "localhost,x"}, "None"),
        ("http://localhost:4000/v1", {"HTTP_PROXY": PROXY, "NO_PROXY": "localhost:4000"}, "None"),
        ("http://localhost:4000/v1", {"HTTP_PROXY": PROXY, "NO_PROXY": "localhost:1"}, PROXY),
        ("http://a.inner.example/v1", {"HTTP_PROXY": PROXY, "NO_PROXY": ".inner.example"}, "None"),
        ("http://a.example/v1", {"HTTP_PROXY": PROXY, "NO_PROXY": "*"}, "None"),
    ],
)
def test_the_environment_names_the_proxy(url: str, variables: dict[str, str], proxy: str) -> None:
    assert found(url, **variables) == proxy


def test_a_rows_own_stands_above_that() -> None:
    own = proxy_for("https://a.example", "http://me:p%40ss@other.example:1")

    assert own is not None
    assert (own.url, own.authorization) == ("http://other.example:1", "Basic bWU6cEBzcw==")
    assert "bWU6" not in repr(own)


@pytest.mark.parametrize("text", ["socks5://p:1", "ftp://p", "http://", "http://p:99999", "http://p\n:1"])
def test_a_proxy_that_cannot_be_used_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match="https_proxy is not a supported proxy address") as caught:
        decode_proxy(text.replace("://", "://user:secret@"), "https_proxy")
    assert "secret" not in str(caught.value)
