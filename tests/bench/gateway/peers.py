"""The gateways that are measured, and how each is started with the same upstream behind it."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.gateway.cases import KINDS
from tests.bench.gateway.load import KEY, Way
from tests.bench.measure import AUDIOCLI
from tests.command import environment

STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Peer:
    """A gateway: `command` starts one worker of it on a port, in front of an upstream's.

    `program` is what must be found on the PATH; `share` of the usual count of requests is enough for it.
    """

    name: str
    program: str
    command: Callable[[Path, int, int], list[str]]
    way: Callable[[int, int], Way]
    share: float = 1.0

    @property
    def installed(self) -> bool:
        return shutil.which(self.program) is not None


@dataclass(frozen=True)
class Running:
    """A gateway that has been started; it need not be ready yet."""

    peer: Peer
    process: "subprocess.Popen[bytes]"
    way: Way
    log: Path


@contextmanager
def running(peer: Peer, folder: Path, upstream: int) -> Iterator[Running]:
    port = free_port()
    command = peer.command(folder, port, upstream)
    log = folder / f"{peer.name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield Running(peer, process, peer.way(port, upstream), log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _config(folder: Path, upstream: int) -> str:
    """LiteLLM's, which is ours too."""
    models = [
        f"- model_name: {kind}\n"
        "  litellm_params:\n"
        "    model: openai/gpt-4o-audio-preview\n"
        f"    api_base: http://127.0.0.1:{upstream}/{kind}\n"
        "    api_key: sk-upstream\n"
        for kind in KINDS
    ]
    path = folder / "config.yaml"
    path.write_text(f"model_list:\n{''.join(models)}general_settings:\n  master_key: {KEY}\n")
    return str(path)


def _audiocli(folder: Path, port: int, upstream: int) -> list[str]:
    return [AUDIOCLI, "serve", "--config", _config(folder, upstream), "--port", str(port)]


def _litellm(folder: Path, port: int, upstream: int) -> list[str]:
    config = _config(folder, upstream)
    return ["litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]


def _portkey(_folder: Path, port: int, _upstream: int) -> list[str]:
    return ["gateway", f"--port={port}", "--headless"]


_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.error;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/nginx.access; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; scgi_temp_path {folder}/scgi; uwsgi_temp_path {folder}/uwsgi;
  client_max_body_size 100m; keepalive_requests 1000000;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off;
    }}
  }}
}}
"""


def _nginx(folder: Path, port: int, upstream: int) -> list[str]:
    path = folder / "nginx.conf"
    path.write_text(_NGINX.format(folder=folder, port=port, upstream=upstream))
    return ["nginx", "-c", str(path), "-p", str(folder), "-e", f"{folder}/nginx.error"]


def straight(port: int) -> Way:
    """The way of what does not look for the model: its path says which answer is meant."""
    return Way(port, lambda kind: f"/{kind}/chat/completions")


def _by_model(port: int, _upstream: int) -> Way:
    return Way(port, lambda _kind: "/v1/chat/completions")


def _by_host(port: int, upstream: int) -> Way:
    def headers(kind: str) -> dict[str, str]:
        host = f"http://127.0.0.1:{upstream}/{kind}"
        return {"x-portkey-provider": "openai", "x-portkey-custom-host": host}

    return Way(port, lambda _kind: "/v1/chat/completions", headers)


OURS = Peer("audiocli", AUDIOCLI, _audiocli, _by_model)
NGINX = Peer("nginx", "nginx", _nginx, lambda port, _upstream: straight(port))
PORTKEY = Peer("Portkey", "gateway", _portkey, _by_host, share=0.1)
LITELLM = Peer("LiteLLM", "litellm", _litellm, _by_model, share=0.03)
OTHERS = (NGINX, PORTKEY, LITELLM)
