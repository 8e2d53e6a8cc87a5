"""Options that do not go together are named, and nothing is sent."""

import pytest
import typer

from audiocli.cli.app import COMMANDS, app_for
from audiocli.cli.contradictions import CONTRADICTIONS
from tests.command import audiocli, error_line


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_names_parameters_of_its_command(name: str) -> None:
    command = typer.main.get_command(app_for([name]))
    parameters = {each.name for each in command.commands[name].params}  # type: ignore[attr-defined] # a group
    assert {each for pair in CONTRADICTIONS[name] for each in (pair.first, pair.second)} <= parameters


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("ask hi -q -v", "--quiet and --verbose contradict each other"),
        ("ask hi --dry-run --curl", "--dry-run and --curl contradict each other"),
        ("ask hi --json --curl", "--json and --curl contradict each other"),
        ("ask hi --text-only -o a.wav", "--text-only and --output contradict each other"),
        ("ask hi -o a.wav --format mp3", "--format mp3 contradicts the name 'a.wav'"),
        ("transcribe a.wav -qv", "--quiet and --verbose contradict each other"),
        ("transcribe a.wav --json --jsonl", "--json and --jsonl contradict each other"),
        ("transcribe a.wav --no-clobber --overwrite", "--no-clobber and --overwrite contradict each other"),
        ("transcribe a.wav -o a.srt -f vtt", "--format vtt contradicts the name 'a.srt'"),
        ("caps gpt-audio -q -v", "--quiet and --verbose contradict each other"),
        ("caps gpt-audio --can streaming --json", "--can and --json contradict each other"),
        ("serve -q -v", "--quiet and --verbose contradict each other"),
        ("serve --print-config --json", "--print-config and --json contradict each other"),
    ],
)
def test_a_contradiction_is_an_error(arguments: str, says: str) -> None:
    result = audiocli(*arguments.split())
    assert (result.returncode, result.stdout) == (2, b"")
    assert says in (result.stderr.decode() if "--json" in arguments else error_line(result))


def test_an_option_without_effect_is_noted() -> None:
    result = audiocli("ask", "hi", "-m", "echo", "--dry-run", "--usage")
    assert result.returncode == 0
    assert b"--usage is ignored with --dry-run" in result.stderr


@pytest.mark.parametrize("arguments", ["ask hi -m echo -q", "ask hi -m echo -v", "ask hi -m echo --json -v"])
def test_options_that_go_together_are_taken(arguments: str) -> None:
    assert audiocli(*arguments.split()).returncode == 0
