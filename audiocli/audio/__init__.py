"""Audio files: told apart by content, read within limits, turned into what models take.

Only this package and `local` import soundfile and NumPy, and only inside the functions that decode.
"""
