"""Requests that a provider answers here, in place of a server that they are relayed to."""
