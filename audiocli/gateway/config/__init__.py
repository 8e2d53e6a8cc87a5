"""The gateway's settings, read from the config and checked."""
