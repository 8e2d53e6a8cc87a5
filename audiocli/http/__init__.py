"""The only place that knows httpx and h11: HTTP within bounds, and the way to a server."""
