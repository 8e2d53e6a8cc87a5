"""`python -m audiocli`."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    # Python looks there first, for any module. This one may be there, in a checkout; no other should be.
    sys.path.append(sys.path.pop(0))

from audiocli.cli import main

sys.exit(main())
