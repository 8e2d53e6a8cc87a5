"""The gateway: an OpenAI-compatible server in front of every model that the config names."""
