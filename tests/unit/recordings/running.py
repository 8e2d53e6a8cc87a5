"""A run over an archive as a process of its own, which can be killed: `python -m … FOLDER URL [resume]`."""

import asyncio
import sys
from pathlib import Path

from audiocli.config import Config, Deployment
from audiocli.recordings.archive import Item, Outcome, transcribe_archive
from audiocli.recordings.connecting import connecting
from audiocli.recordings.executor import LocalExecutor
from audiocli.recordings.job import JobOptions
from audiocli.recordings.remembering.journal import Journal
from audiocli.recordings.writing import Form

AT_ONCE = 3
OPTIONS = JobOptions(model="scripted")
TEXT = Form("text", lambda transcript: f"{transcript.text}\n".encode())


def config(url: str) -> Config:
    """A model at `url` that writes down only as much as is said in two and a half seconds."""
    known = {"mode": "audio_transcription", "max_output_tokens": 10}
    deployment = Deployment(
        model="openai/scripted", base_url=f"{url}/v1", api_key="sk-test-0123456789", model_info=known
    )
    return Config(deployments={"scripted": deployment})


def items(folder: Path) -> list[Item]:
    return [Item(str(path), str(path.with_suffix(".txt"))) for path in sorted(folder.glob("*.wav"))]


def run(folder: Path, url: str, *, resume: bool, at_once: int = AT_ONCE, retries: int = 0) -> list[Outcome]:
    connect = connecting(config(url), requests=AT_ONCE, retries=retries)
    journal = Journal(str(folder / "state"), connect(OPTIONS).name)
    return asyncio.run(
        transcribe_archive(
            items(folder),
            OPTIONS,
            LocalExecutor(connect, requests=AT_ONCE),
            journal,
            TEXT,
            at_once=at_once,
            resume=resume,
        )
    )


if __name__ == "__main__":
    outcomes = run(Path(sys.argv[1]), sys.argv[2], resume="resume" in sys.argv)
    sys.exit(sum(outcome.status == "failed" for outcome in outcomes))
