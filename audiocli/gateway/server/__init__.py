"""The gateway's process: its sockets, workers, limits of HTTP, and settings that change under way."""
