"""The client of a rehearsal: a new connection for each request every few milliseconds, and connections that live on.

Runs on the client's host (`python -m hacluster.rehearse.client ADDRESS PORT EVERY LONG FILE`) and appends to FILE until SIGTERM:

    r START LATENCY NODE    a request that was answered with 200: seconds of the monotonic clock, seconds, first words of the page
    f START LATENCY WHY     a request that was not
    x TIME NUMBER           exchanges over the long-lived connections since the line before
    b TIME WHY              a long-lived connection that broke; another takes its place
"""

import asyncio
import contextlib
import ctypes
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import Final, TextIO

DEADLINE: Final = 3.0
"""Seconds: a request without an answer by then has failed."""
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_BETWEEN: Final = 0.1
_FLUSH: Final = 0.05


def stay_in_memory() -> bool:
    """Keeps this process from being paged out (mlockall(2)), so that what watches a fault does not wait for a disk. False: not allowed.

    Seen without it, on a machine that reclaims idle memory: after ten idle minutes the client stood still for 2.8 s in the middle
    of a failover. That paging was the cause is likely, and was not proven.
    """
    return bool(ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0)


@dataclass
class Client:
    """Asks one address and port."""

    family: int
    target: tuple[str, int]
    every: float
    out: TextIO
    exchanges: int = 0

    @property
    def _host(self) -> str:
        return f"[{self.target[0]}]" if self.family == socket.AF_INET6 else self.target[0]

    async def run(self, long: int, stop: asyncio.Event) -> None:
        """Until `stop`. Requests start on time whether or not earlier ones have been answered."""
        loop = asyncio.get_running_loop()
        tasks = {asyncio.ensure_future(self._live(number, stop)) for number in range(long)}
        tasks.add(asyncio.ensure_future(self._flush(stop)))
        due = loop.time()
        while not stop.is_set():
            task = asyncio.ensure_future(self._once())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            due = max(due + self.every, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.wait(tasks, timeout=DEADLINE + 1)

    async def _once(self) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(DEADLINE):
                page = await self._ask_once()
        except (OSError, TimeoutError, ValueError) as error:
            self._say("f", started, time.monotonic() - started, type(error).__name__)
        else:
            self._say("r", started, time.monotonic() - started, page)

    async def _ask_once(self) -> str:
        loop = asyncio.get_running_loop()
        with socket.socket(self.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(connection, self.target)
            await loop.sock_sendall(connection, self._request("close"))
            answer = b""
            while chunk := await loop.sock_recv(connection, 65536):
                answer += chunk
        return _page(answer)

    async def _live(self, number: int, stop: asyncio.Event) -> None:
        """One connection that lives as long as the other side lets it."""
        await asyncio.sleep(number / 1000)
        while not stop.is_set():
            try:
                await self._exchange(stop)
            except (OSError, TimeoutError, ValueError, EOFError) as error:
                self._say("b", time.monotonic(), f"{type(error).__name__}:{error}")
                await asyncio.sleep(_BETWEEN)

    async def _exchange(self, stop: asyncio.Event) -> None:
        """Raises EOFError when the server closes in the middle; a close that it announced in an answer is no break."""
        loop = asyncio.get_running_loop()
        with socket.socket(self.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            async with asyncio.timeout(DEADLINE):
                await loop.sock_connect(connection, self.target)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not stop.is_set():
                async with asyncio.timeout(DEADLINE * 4):
                    await loop.sock_sendall(connection, self._request("keep-alive"))
                    answer = b""
                    while not _whole(answer):
                        chunk = await loop.sock_recv(connection, 65536)
                        if not chunk:
                            raise EOFError("closed without an answer")
                        answer += chunk
                self.exchanges += 1
                if re.search(rb"\r\nconnection: *close\r\n", answer.partition(b"\r\n\r\n")[0] + b"\r\n", re.IGNORECASE):
                    return
                await asyncio.sleep(_BETWEEN)

    def _request(self, connection: str) -> bytes:
        return f"GET / HTTP/1.1\r\nHost: {self._host}\r\nConnection: {connection}\r\n\r\n".encode()

    async def _flush(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(_FLUSH)
            if self.exchanges:
                self._say("x", time.monotonic(), self.exchanges)
                self.exchanges = 0
            self.out.flush()

    def _say(self, *words: object) -> None:
        text = [f"{word:.6f}" if isinstance(word, float) else re.sub(r"\s+", "_", str(word)) for word in words]
        self.out.write(" ".join(text) + "\n")


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if length is None:
        raise ValueError("an answer without a length")
    return len(body) >= int(length[1])


def _page(answer: bytes) -> str:
    """The page's own words, without markup: they say which server answered."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0] + b" ":
        raise ValueError(head.split(b"\r\n")[0].decode("latin-1"))
    heading = re.search(rb"<h1>(.*?)</h1>", body, re.DOTALL)
    return (heading[1] if heading else body[:80]).decode(errors="replace").strip() or "-"


async def main(address: str, port: str, every: str, long: str, file: str) -> None:
    """As the module says."""
    stay_in_memory()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open(file, "a") as out:  # noqa: ASYNC230, PTH123 - a local file, opened once
        client = Client(family, (address, int(port)), float(every), out)
        with contextlib.suppress(asyncio.CancelledError):
            await client.run(int(long), stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:6]))
