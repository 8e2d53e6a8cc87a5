"""`audiocli transcribe`."""
