"""Providers that answer in this process."""
