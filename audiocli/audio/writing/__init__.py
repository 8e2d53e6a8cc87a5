"""Sound that goes out: encoded, and written while it comes."""
