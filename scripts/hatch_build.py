"""Puts the manual pages into the wheel."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPages(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        """What the commands import to describe themselves."""
        return [each for each in self.metadata.core.dependencies if each.startswith("typer")]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # They would soon be out of date.
        self._folder = tempfile.TemporaryDirectory()
        subprocess.run(
            [sys.executable, "scripts/manual.py", self._folder.name],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": self.root},
            check=True,
        )
        for page in Path(self._folder.name).iterdir():
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"

    def finalize(self, version: str, *_: Any) -> None:
        if version != "editable":
            self._folder.cleanup()
