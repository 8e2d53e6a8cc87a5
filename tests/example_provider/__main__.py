"""audiocli with the example's provider, whose service is at `EXAMPLE_URL`."""

import os
import sys

from audiocli.cli import main
from tests.example_provider import enter

enter(os.environ["EXAMPLE_URL"])
sys.exit(main())
