"""Asks the embedded model a question; says how to hear its answer, and what to try next."""

import shutil
import subprocess
import sys
from pathlib import Path

QUESTION = "Is a golden retriever a good family dog?"
FILE = "dog.wav"

PLAYERS = ("afplay", "paplay", "pw-play", "aplay", "play", "mpv", "ffplay -nodisp -autoexit")
"""As they are called, the most likely to work first."""


def main() -> int:
    program = Path(sys.executable).with_name("audiocli")
    shown = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program
    say("the model comes with audiocli: it is small, so its answers are quick, and often wrong")
    asked = ["ask", QUESTION, "--model", "local", "--output", FILE, "--no-stdin"]
    if code := subprocess.run([program, *asked], check=False).returncode:
        return code
    say(f"\nhear it:   {player()} {FILE}")
    say(f"try next:  {shown} ask --audio samples/question.wav")
    say(f"           {shown} transcribe samples/hello.wav")
    say(f"           OPENAI_API_KEY=… {shown} ask {QUESTION!r} -o {FILE}")
    return 0


def player() -> str:
    """What plays a WAV file here; something to say, if nothing is found."""
    found = (command for command in PLAYERS if shutil.which(command.split()[0]))
    return next(found, "open with any player:")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
