"""What was chosen on the command line of `audiocli transcribe`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TranscribeOptions:
    """What was chosen on the command line; the fields are the parameters of `transcribe`."""

    inputs: list[str] | None
    model: str | None
    format: str | None
    output: str | None
    language: str | None
    prompt: str | None
    words: bool
    max_line_length: int | None
    max_lines: int | None
    max_cue: float | None
    speakers: bool
    at_once: int
    resume: bool
    recursive: bool
    start: str | None
    end: str | None
    no_clobber: bool
    overwrite: bool
    base_url: str | None
    force: bool
    timeout: float | None
    retries: int | None
    max_input: str
    config: str | None
    json: bool
    jsonl: bool
    usage: bool
    quiet: bool
    verbose: int
    color: str
    dry_run: bool

    @property
    def names(self) -> list[str]:
        """The inputs; what is piped in, where none is named."""
        return self.inputs or ["-"]

    @property
    def for_programs(self) -> bool:
        return self.json or self.jsonl
