"""OpenAI's API, in both directions."""
