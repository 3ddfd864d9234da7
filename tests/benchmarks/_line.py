"""A slower line to a local server, for start-up as most readers have it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable
from urllib.parse import urlsplit

CHUNK = 16_384  # bytes that travel together


class Line:
    """A line of so many Mbit/s down, shared by all connections, to the server at `target`; its `address` leads there.

    Whatever comes down is `delay` seconds late; what goes up is not held back.
    """

    def __init__(self, target: str, mbit: float, delay: float = 0.02) -> None:
        self.mbit = mbit
        self._port = urlsplit(target).port
        self._seconds_a_byte = 8 / (mbit * 1e6)
        self._delay = delay
        self._free_at = 0.0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True).start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        ready.set()
        await server.serve_forever()

    async def _connected(self, page_reads: asyncio.StreamReader, page_writes: asyncio.StreamWriter) -> None:
        site_reads, site_writes = await asyncio.open_connection("127.0.0.1", self._port)
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        await asyncio.gather(
            _quietly(_pass_on(page_reads, site_writes)),
            _quietly(self._hold(site_reads, chunks)),
            _quietly(self._deliver(chunks, page_writes)),
        )

    async def _hold(self, reads: asyncio.StreamReader, chunks: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Notes when each chunk is through the line."""
        clock = asyncio.get_running_loop().time
        while True:
            data = await reads.read(CHUNK)
            now = clock()
            self._free_at = max(now, self._free_at) + len(data) * self._seconds_a_byte
            await chunks.put((max(self._free_at, now + self._delay), data))
            if not data:
                return
            await asyncio.sleep(max(0.0, self._free_at - now - self._delay))

    async def _deliver(self, chunks: asyncio.Queue[tuple[float, bytes]], writes: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while True:
                due, data = await chunks.get()
                await asyncio.sleep(max(0.0, due - clock()))
                if not data:
                    return
                writes.write(data)
                await writes.drain()
        finally:
            writes.close()


async def _pass_on(reads: asyncio.StreamReader, writes: asyncio.StreamWriter) -> None:
    try:
        while data := await reads.read(CHUNK):
            writes.write(data)
            await writes.drain()
    finally:
        writes.close()


async def _quietly(work: Awaitable[None]) -> None:
    """A browser ends a connection whenever it likes."""
    with contextlib.suppress(ConnectionError):
        await work
