"""A misspelt name finds the one that was meant, and no other."""

import pytest

from audiocli.nearness import did_you_mean, misspells, nearest

COMMANDS = ("ask", "caps", "transcribe", "serve")
MODELS = ("gpt-audio", "gpt-audio-1.5", "gpt-audio-mini", "whisper-1", "gpt-4o-audio-preview", "local")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("aks", "ask"),
        ("asq", "ask"),
        ("ASK", "ask"),
        ("asc", "ask"),
        ("trans", "transcribe"),
        ("transcirbe", "transcribe"),
        ("transcript", "transcribe"),
        ("serv", "serve"),
        ("sevre", "serve"),
        ("cap", "caps"),
    ],
)
def test_a_misspelt_command_finds_the_one_that_was_meant(name: str, meant: str) -> None:
    assert nearest(name, COMMANDS)[:1] == [meant]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gpt-audoi-1.5", "gpt-audio-1.5"),
        ("gpt-audio-1-5", "gpt-audio-1.5"),
        ("gpt_audio_1.5", "gpt-audio-1.5"),
        ("gptaudio", "gpt-audio"),
        ("whisper1", "whisper-1"),
        ("gpt-4o-audio-previw", "gpt-4o-audio-preview"),
        ("gpt-4o-audio", "gpt-4o-audio-preview"),
        ("lcoal", "local"),
    ],
)
def test_a_misspelt_model_finds_the_one_that_was_meant(name: str, meant: str) -> None:
    assert nearest(name, MODELS)[0] == meant


@pytest.mark.parametrize("name", ["", "x", "nosuch", "claude", "summarise this"])
def test_what_is_near_to_nothing_finds_nothing(name: str) -> None:
    assert nearest(name, COMMANDS) == []
    assert did_you_mean(name, COMMANDS) is None


def test_what_needs_twice_the_changes_is_not_offered() -> None:
    assert nearest("gpt-audio-1.6", MODELS) == ["gpt-audio-1.5"]


def test_several_that_are_as_near_are_all_offered() -> None:
    assert did_you_mean("tts-2", ["tts-1", "tts-3", "whisper-1"]) == "did you mean tts-1 or tts-3?"


@pytest.mark.parametrize(
    ("name", "known", "slip"),
    [
        ("gpt-audoi-1.5", "gpt-audio-1.5", True),
        ("gpt-audio-1.6", "gpt-audio-1.5", True),
        ("gpt-audio 1.5", "gpt-audio-1.5", True),
        ("gpt-audio-1.5 ", "gpt-audio-1.5", True),
        ("gpt-audio-2", "gpt-audio", False),
        ("gpt-audio-1.5-2026-11-01", "gpt-audio-1.5", False),
        ("voxtral-mini-2602", "voxtral-mini-2507", False),
        ("gpt-audio-mini", "gpt-audio", False),
        ("gpt-audio", "gpt-audio", False),
        ("whisper-large-v3-trubo", "whisper-large-v3-turbo", True),
        ("o3", "o1", True),
    ],
)
def test_a_slip_is_told_from_another_version(name: str, known: str, slip: bool) -> None:
    assert misspells(name, known) is slip


def test_a_long_name_takes_no_time() -> None:
    assert nearest("x" * 100_000, ["gpt-audio-1.5"] * 1000) == []
