"""Recordings that come in: opened, decoded, cut at pauses."""
