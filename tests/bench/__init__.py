"""Benchmarks: ratios within one run, of what whole processes cost. Run them with `make bench`."""
