"""Programs that are waited for, and that end when nobody waits any more."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


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


async def run(*command: str, stdin: bytes = b"") -> tuple[int, bytes]:
    """The exit status of a program and what it wrote to stdout. Cancelling kills it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with ending(process):
        written, _ = await process.communicate(stdin)
        return await process.wait(), written
