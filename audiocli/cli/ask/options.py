"""What was chosen on the command line of `audiocli ask`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AskOptions:
    """What was chosen on the command line; the fields are the parameters of `ask`."""

    prompt: str | None
    audio: list[str] | None
    output: str | None
    format: str | None
    no_clobber: bool
    model: str | None
    base_url: str | None
    voice: str | None
    system: str | None
    temperature: float | None
    max_tokens: int | None
    seed: int | None
    text_only: bool
    force: bool
    stream: bool | None
    timeout: float | None
    retries: int | None
    max_input: str
    no_stdin: bool
    config: str | None
    json: bool
    usage: bool
    quiet: bool
    verbose: int
    color: str
    dry_run: bool
    curl: bool

    @property
    def audio_names(self) -> list[str]:
        return self.audio or []

    @property
    def names_stdin(self) -> bool:
        return self.prompt == "-" or "-" in self.audio_names
