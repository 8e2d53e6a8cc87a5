"""`audiocli caps`."""
