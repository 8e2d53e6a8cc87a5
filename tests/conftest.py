"""What holds for all tests."""

import signal

# What a shell runs in the background ignores these, and so would its children, which tests send them to.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
