"""`audiocli serve`."""
