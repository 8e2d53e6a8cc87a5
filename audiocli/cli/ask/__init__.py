"""`audiocli ask`."""
