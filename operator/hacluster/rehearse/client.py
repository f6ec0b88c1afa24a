"""The measuring client: a request on a new connection every few milliseconds, and long-lived connections besides.

Runs on the client's host until SIGTERM: `python -m hacluster.rehearse.client ADDRESS PORT INTERVAL CONNECTIONS FILE WORD…`.
INTERVAL is the time between two requests in seconds, CONNECTIONS the number of long-lived connections. The words are `newcomer`, with
which it asks before each request anew who has the address (`newcomer.py`), while otherwise its host's kernel remembers that, as long as
it likes; and those of `connections.Target`.
It appends records to FILE, which `measure.parse_records` reads; START and TIME are seconds of the monotonic clock, LATENCY is in seconds:

    r START LATENCY PAGE     a request that was answered with 200, and the heading of the page: it names the server
    f START LATENCY REASON   a request that failed
    x TIME NUMBER            exchanges on all long-lived connections since the last such line
    b TIME REASON            a long-lived connection that broke; a new one replaces it
"""

import asyncio
import contextlib
import ctypes
import re
import signal
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from hacluster.rehearse.connections import Opened, Target, connect, trusting
from hacluster.rehearse.newcomer import Asker, route_to

DEADLINE: Final = 3.0
"""Seconds: a request without an answer by then has failed."""
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_EXCHANGE_INTERVAL: Final = 0.1
"""Seconds between two requests on a long-lived connection, and before a broken one is replaced."""
_FLUSH_INTERVAL: Final = 0.05


def lock_memory() -> bool:
    """Locks all memory of this process (mlockall(2)), so that measuring never waits for pages from a disk. False: not permitted.

    Without it, on a machine that reclaims idle memory, the client once stood still for 2.8 s in the middle of a failover, after ten
    idle minutes. That paging was the cause is likely, and was not proven.
    """
    return bool(ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0)


@dataclass
class Client:
    """Sends requests to one address and port, and writes records to `out`.

    `interval` are the seconds between two requests on new connections. `context`: with TLS. `asker`: asks who has the address before
    each of them.
    """

    target: Target
    interval: float
    out: TextIO
    context: ssl.SSLContext | None = None
    asker: Asker | None = None
    exchanges: int = 0

    @property
    def _host(self) -> str:
        return f"[{self.target.address}]" if self._family == socket.AF_INET6 else self.target.address

    @property
    def _family(self) -> int:
        return socket.AF_INET6 if ":" in self.target.address else socket.AF_INET

    async def run(self, connections: int, stop: asyncio.Event) -> None:
        """Runs until `stop` is set. Requests start on time, whether or not earlier ones have been answered."""
        loop = asyncio.get_running_loop()
        tasks = {asyncio.ensure_future(self._keep_connection(number, stop)) for number in range(connections)}
        tasks.add(asyncio.ensure_future(self._flush(stop)))
        due = loop.time()
        while not stop.is_set():
            task = asyncio.ensure_future(self._request_once())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            due = max(due + self.interval, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.wait(tasks, timeout=DEADLINE + 1)

    async def _request_once(self) -> None:
        started = time.monotonic()
        try:
            page = await self._fetch()
        except (OSError, TimeoutError, ValueError) as error:
            self._write_record("f", started, time.monotonic() - started, f"{type(error).__name__}:{error}")
        else:
            self._write_record("r", started, time.monotonic() - started, page)

    async def _fetch(self) -> str:
        """One request on a new connection. Raises OSError or ValueError if it is not answered with 200, TimeoutError if too late."""
        with socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            try:
                async with asyncio.timeout(DEADLINE):
                    return _page_text(await self._receive(connection))
            except TimeoutError:
                raise TimeoutError(_describe_progress(connection)) from None

    async def _receive(self, connection: socket.socket) -> bytes:
        """Connects, sends a request, and returns all bytes of the answer."""
        if self.asker is not None:
            await self.asker.ask()
        opened = await self._connect(connection)
        await opened.send(self._request("close"))
        answer = b""
        while chunk := await opened.receive():
            answer += chunk
        return answer

    async def _connect(self, connection: socket.socket) -> Opened:
        return await connect(connection, self.target, self.context)

    async def _keep_connection(self, number: int, stop: asyncio.Event) -> None:
        """One long-lived connection, replaced whenever it ends. Starts are a millisecond apart, so as not to come in one burst."""
        await asyncio.sleep(number / 1000)
        while not stop.is_set():
            try:
                await self._exchange(stop)
            except (OSError, TimeoutError, ValueError, EOFError) as error:
                self._write_record("b", time.monotonic(), f"{type(error).__name__}:{error}")
                await asyncio.sleep(_EXCHANGE_INTERVAL)

    async def _exchange(self, stop: asyncio.Event) -> None:
        """Sends requests on one connection until the server closes it.

        A close that the server announced ("Connection: close") is not a break. Raises EOFError when it closes unannounced, and
        OSError, TimeoutError or ValueError for other breaks.
        """
        with socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            async with asyncio.timeout(DEADLINE):
                opened = await self._connect(connection)
            while not stop.is_set():
                async with asyncio.timeout(DEADLINE * 4):
                    await opened.send(self._request("keep-alive"))
                    answer = b""
                    while not _is_complete(answer):
                        chunk = await opened.receive()
                        if not chunk:
                            raise EOFError("closed without an answer")
                        answer += chunk
                self.exchanges += 1
                if re.search(rb"\r\nconnection: *close\r\n", answer.partition(b"\r\n\r\n")[0] + b"\r\n", re.IGNORECASE):
                    return
                await asyncio.sleep(_EXCHANGE_INTERVAL)

    def _request(self, connection: str) -> bytes:
        return f"GET / HTTP/1.1\r\nHost: {self._host}\r\nConnection: {connection}\r\n\r\n".encode()

    async def _flush(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(_FLUSH_INTERVAL)
            if self.exchanges:
                self._write_record("x", time.monotonic(), self.exchanges)
                self.exchanges = 0
            self.out.flush()

    def _write_record(self, *fields: object) -> None:
        texts = [f"{each:.6f}" if isinstance(each, float) else re.sub(r"\s+", "_", str(each)) for each in fields]
        self.out.write(" ".join(texts) + "\n")


def _describe_progress(connection: socket.socket) -> str:
    """How far a request without an answer came, with the client's port, by which it can be found in HAProxy's log."""
    port = connection.getsockname()[1]
    try:
        connection.getpeername()
    except OSError:
        return f"no connection from port {port}"
    return f"no answer on port {port}"


def _is_complete(answer: bytes) -> bool:
    """Whether the whole body has arrived. Raises ValueError for an answer without Content-Length."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if length is None:
        raise ValueError("an answer without a length")
    return len(body) >= int(length[1])


def _page_text(answer: bytes) -> str:
    """The page's heading, else its first 80 bytes: it names the server. Raises ValueError for another status than 200."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0] + b" ":
        raise ValueError(head.split(b"\r\n")[0].decode("latin-1"))
    heading = re.search(rb"<h1>(.*?)</h1>", body, re.DOTALL)
    return (heading[1] if heading else body[:80]).decode(errors="replace").strip() or "-"


async def main(address: str, port: str, interval: str, connections: str, *more: str) -> None:
    """Runs the client until SIGTERM or SIGINT; the arguments are those of the command line."""
    file, *words = more
    target = Target(address, int(port), proxy="proxy" in words)
    context = next((trusting(Path(each.removeprefix("tls="))) for each in words if each.startswith("tls=")), None)
    lock_memory()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    asker = Asker(address, route_to(address)) if "newcomer" in words else None
    if asker:
        asker.start()
    with open(file, "a") as out:  # noqa: ASYNC230, PTH123 - a local file, opened once
        client = Client(target, float(interval), out, context, asker)
        with contextlib.suppress(asyncio.CancelledError):
            await client.run(int(connections), stop)
    if asker:
        asker.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
