"""Programs that are waited for, and that end when nobody waits any more."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import BinaryIO

from audiocli import children


@asynccontextmanager
async def ending(process: asyncio.subprocess.Process) -> AsyncGenerator[None, None]:
    """Kills `process` where the block is left before it has ended."""
    try:
        yield
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it has ended just now
                process.kill()
            await process.wait()


async def run(*command: str) -> tuple[int, bytes]:
    """The exit status of a program and what it wrote to stdout. Cancelling kills it."""
    with tempfile.TemporaryDirectory(prefix="audiocli-", ignore_cleanup_errors=True) as folder:
        return await _run_in(folder, command)


async def _run_in(folder: str, command: Sequence[str]) -> tuple[int, bytes]:
    # A real pipe: uvloop's is a socket, which a program that opens /dev/stdout cannot.
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as pipe:
        try:
            process = await children.start_beside(command, folder, stdout=write_end, stderr=children.DEVNULL)
        finally:
            os.close(write_end)
        async with ending(process):
            written = await _read(pipe)
            return await process.wait(), written


async def _read(pipe: BinaryIO) -> bytes:
    """All that comes through `pipe`."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        return await reader.read()
    finally:
        transport.close()
