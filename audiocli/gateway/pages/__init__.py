"""The gateway's ordinary routes."""
