"""What is done of an archive, remembered for the next run."""
