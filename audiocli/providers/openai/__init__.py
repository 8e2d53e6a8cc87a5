"""Providers that speak OpenAI's wire."""
