"""Memory that nobody uses goes back to the system, also from below a block that is in use."""

import platform
import subprocess
import sys

import pytest

from audiocli.gateway.server.memory import LOOKS, SPARE_BYTES

PROGRAM = f"""
from audiocli.gateway.server.memory import SpareMemory, resident_bytes, reuse_big_buffers
reuse_big_buffers()
spare = SpareMemory()
before = resident_bytes()
blocks, pins = [], []
for _ in range({3 * SPARE_BYTES // 200_000}):
    blocks.append(b"x" * 200_000)
    pins.append(b"x" * 2_000)
full = resident_bytes()
blocks.clear()
for _ in range({LOOKS - 1}):
    spare.look()
kept = resident_bytes()
spare.look()
print(full - before, kept - before, resident_bytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to give memory back")
def test_free_memory_below_a_block_in_use_is_given_back_once_it_has_not_been_needed_for_a_while() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    full, kept, left = map(int, told.stdout.split())
    assert full > 2.5 * SPARE_BYTES
    assert kept > 2 * SPARE_BYTES
    assert left < SPARE_BYTES / 4
