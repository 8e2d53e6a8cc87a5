"""Transcripts as text and subtitles, with times put right. No I/O."""
