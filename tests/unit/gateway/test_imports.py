"""What the gateway brings into its process."""

import subprocess
import sys


def test_the_client_of_the_command_line_is_not_loaded() -> None:
    """httpx and what it brings are 6 MB, and a tenth of the start."""
    program = (
        "import sys, audiocli.gateway.app, audiocli.gateway.server.runner; "
        "print({'httpx', 'h11'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert result.stdout == "set()\n"
