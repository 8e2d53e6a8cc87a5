import sys

from audiocli.cli import main

sys.exit(main())
