"""Environment and config.yaml, read once into frozen values. Nothing else reads the environment.

The file is LiteLLM's: its `model_list` gives names to deployments.
"""

from audiocli.config.config import OPENAI_KEY_VARIABLE, Config, Deployment, same_origin
from audiocli.config.environment import load
from audiocli.config.values import VARIABLE

__all__ = ["OPENAI_KEY_VARIABLE", "VARIABLE", "Config", "Deployment", "load", "same_origin"]
