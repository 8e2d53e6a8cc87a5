"""The embedded model: Moonshine hears, SmolLM2 thinks, flite or espeak-ng speaks.

Every engine is an ordinary package. Each is imported inside the function that needs it, and whatever holds
the interpreter's lock for long runs in a process of its own.
"""
