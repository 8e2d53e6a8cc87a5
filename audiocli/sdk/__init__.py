"""LiteLLM's SDK, as far as it is about audio: documents in OpenAI's shape go in and come out."""
