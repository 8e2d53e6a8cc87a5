"""The date by which models end and prices change."""

import time


def today() -> str:
    """The ISO date in UTC: the same for every door, whatever the time zone of the machine."""
    return time.strftime("%Y-%m-%d", time.gmtime())
