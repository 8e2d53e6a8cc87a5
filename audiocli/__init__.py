"""audiocli: talk with audio models from a shell, from Python, and through one OpenAI-compatible door."""

__version__ = "0.1.0"

__all__ = ["__version__"]
