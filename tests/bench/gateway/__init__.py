"""The gateway beside other proxies, between an upstream and a load of our own: `make bench-serve`."""
