"""Everything that answers chat requests."""
