"""A service that writes nothing down, but takes its time for it: it must cost less than what is measured."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TEXT = b'{"text": "Hello there."}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(TEXT),
    TEXT,
)


@contextmanager
def slow_service(seconds: float) -> Iterator[str]:
    """Its base URL; it answers `seconds` after a request is there."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        left = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while left > 0 and (block := await reader.read(min(left, 1 << 20))):
            left -= len(block)
        await asyncio.sleep(seconds)
        writer.write(ANSWER)
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
