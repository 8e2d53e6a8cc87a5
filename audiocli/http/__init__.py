"""HTTP within bounds: requests go out as streams, replies come in as streams.

The only package that knows httpx and h11. Every phase has a deadline, everything that arrives a limit.
"""

from audiocli.http.client import RefusedError, Reply, fetch, fetch_into, post, post_form

__all__ = ["RefusedError", "Reply", "fetch", "fetch_into", "post", "post_form"]
