"""Recordings of any length, and archives of them, become transcripts."""
