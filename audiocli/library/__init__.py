"""The library: what `audiocli ask` does, as functions. The synchronous ones work in a running loop too."""
