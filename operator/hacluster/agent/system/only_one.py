"""One agent of a resource at a time runs on a node: the static pod's, or that of the operator's pod.

An agent takes a Unix socket in the abstract namespace (unix(7)), which belongs to the network namespace: all pods of the front door are in
that of the host. The kernel gives each name to one process and takes it back when the process ends, however that ends; so no file is
left over. Who does not get the name follows the one who has it, and learns at once when it ends.

Every user of the node can take such a name. So a socket of another user counts for nothing: neither does an agent wait for it, nor is
it given anything.
"""

import asyncio
import contextlib
import errno
import logging
import os
import socket
import struct
from collections.abc import AsyncGenerator
from typing import Any, Final

log = logging.getLogger(__name__)

_CREDENTIALS: Final = struct.Struct("iII")
"""struct ucred: process, user, group (unix(7), SO_PEERCRED)."""
_CONNECT_TIMEOUT: Final = 1.0
"""Seconds for a connection: the kernel makes it without the other process, unless too many wait already."""
_TRIES: Final = 5
"""Connections that fail one after the other until the socket counts as nobody's: an agent listens at once after it has the name."""
_PAUSE: Final = 0.2
"""Seconds between two of them."""
_LONGEST_LINE: Final = 4 * 1024 * 1024
"""Bytes of one line; an entry with all that is allowed in it has less than 1 MiB."""


class NotAnAgent(Exception):
    """The name is taken by a process that is no agent of this user. The message says which one."""


class OnlyOne:
    """The right to run, which one process at a time has: `take` it, or `follow` the process that has it."""

    def __init__(self, name: str) -> None:
        """`name`: at most 100 characters."""
        self._name = f"\0{name}"
        self._socket: socket.socket | None = None
        self._line = b""
        self._changed = asyncio.Event()
        self._answering: set[asyncio.Task[Any]] = set()

    @property
    def taken(self) -> bool:
        """Whether this process has the right."""
        return self._socket is not None

    def take(self) -> bool:
        """Takes the right if nobody has the name, and keeps it until the process ends or `close`. Returns whether this process has it."""
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                made.bind(self._name)
                made.listen()
            except OSError as error:
                made.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                return False
            self._socket = made
        return True

    def is_free(self) -> bool:
        """Whether nobody listens there now."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as asks:
            return asks.connect_ex(self._name) == errno.ECONNREFUSED

    def publish(self, line: str) -> None:
        """What followers get now, and those that come later: one line of text."""
        self._line = line.encode() + b"\n"
        self._changed.set()
        self._changed = asyncio.Event()

    async def serve(self) -> None:
        """Runs until cancelled: answers followers of the same user. The right stays with this process afterwards."""
        assert self._socket is not None
        # A copy: the server closes its own when it ends, and the name is given away when the last one is closed.
        server = await asyncio.start_unix_server(self._answer, sock=self._socket.dup())
        try:
            await asyncio.Event().wait()
        finally:
            # `serve_forever` would wait for the followers here, and they wait for this process to end (Python 3.12 and later).
            server.close()
            for task in self._answering:
                task.cancel()
            await asyncio.gather(*self._answering, return_exceptions=True)

    async def follow(self) -> AsyncGenerator[str]:
        """The lines of the process that has the right, until it ends. Raises NotAnAgent."""
        reader, writer = await self._connect()
        try:
            while line := await reader.readline():
                yield line.decode()
        except (OSError, ValueError) as error:
            log.warning("the other agent is not understood: %s", error)
        finally:
            writer.close()

    def close(self) -> None:
        """Gives the right away."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        failure: BaseException | None = None
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT):
                    reader, writer = await asyncio.open_unix_connection(self._name, limit=_LONGEST_LINE)
            except (OSError, TimeoutError) as error:
                failure = error
                await asyncio.sleep(_PAUSE)
                continue
            if (user := _user_of(writer)) != os.geteuid():
                writer.close()
                raise NotAnAgent(f"a program of the user with the id {user} has it")
            return reader, writer
        if self.take():  # its process has ended meanwhile
            self.close()
            raise NotAnAgent("nobody has it any more")
        raise NotAnAgent(f"the program that has it does not answer ({failure or 'no connection'})")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        ended = asyncio.ensure_future(reader.read())
        try:
            # Cancelled only by `serve`. asyncio would log a cancelled task of a connection as an error.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                if _user_of(writer) == os.geteuid():
                    await self._send_lines(writer, ended)
        finally:
            ended.cancel()
            writer.close()
            self._answering.discard(task)

    async def _send_lines(self, writer: asyncio.StreamWriter, ended: asyncio.Future[bytes]) -> None:
        while not ended.done():
            changed: asyncio.Future[bool] = asyncio.ensure_future(self._changed.wait())
            writer.write(self._line)
            await writer.drain()
            either: set[asyncio.Future[Any]] = {changed, ended}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()


def _user_of(writer: asyncio.StreamWriter) -> int:
    """The id of the user who opened the other end: who connected, or who listens. Raises OSError."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(raw)
    return int(user)
