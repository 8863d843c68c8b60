"""The bundled client: loads a server over a few connections, each with one request at a time, and prints JSON."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httptools


class Line(asyncio.Protocol):
    """A connection that sends the next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes], until: float, times: list[float]) -> None:
        self._requests, self._until, self._times = requests, until, times
        self.failed = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is another class
        self._send()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self.failed += self._parser.get_status_code() >= 400
        if now > self._until:
            self._transport.close()
        else:
            self._times.append(now - self._sent)
            asyncio.get_running_loop().call_soon(self._send)

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed += exc is not None
        self.ended.set_result(None)


def requests_in(path: Path) -> list[bytes]:
    """Reads what is to be sent: for each request its length, a line break, and its bytes."""
    data, found = path.read_bytes(), []
    while data:
        length, _, rest = data.partition(b"\n")
        found.append(rest[: int(length)])
        data = rest[int(length) :]
    return found


async def load(url: str, requests: list[bytes], connections: int, seconds: float) -> dict[str, float]:
    loop, place = asyncio.get_running_loop(), urlsplit(url)
    host, port = place.hostname or "127.0.0.1", place.port or 80
    times: list[float] = []
    began = time.perf_counter()
    turns = cycle(requests)
    lines = [
        (await loop.create_connection(lambda: Line(turns, began + seconds, times), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(line.ended for line in lines))
    took = time.perf_counter() - began
    times.sort()
    p50, p99 = (times[int(len(times) * part)] * 1000 if times else 0 for part in (0.5, 0.99))
    failed = sum(line.failed for line in lines)
    return {"requests": len(times), "seconds": min(took, seconds), "p50": p50, "p99": p99, "failed": failed}


def main() -> None:
    url, path, connections, seconds = sys.argv[1:]
    work = load(url, requests_in(Path(path)), int(connections), float(seconds))
    try:
        import uvloop  # noqa: PLC0415 — quicker where there is one

        print(json.dumps(uvloop.run(work)))
    except ImportError:
        print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    main()
