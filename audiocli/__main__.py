"""`python -m audiocli`."""

import os
import sys

try:
    here = os.getcwd()
except FileNotFoundError:  # the folder is gone, and nothing can be imported from it
    here = ""
if not sys.flags.safe_path and sys.path[:1] == [here]:
    # Python looks there first, for any module. This one may be there, in a checkout; no other should be.
    sys.path.append(sys.path.pop(0))

from audiocli.cli import main

sys.exit(main())
