"""A connection with TLS from the lab's client that stays open, for one request after the other."""

from types import TracebackType
from typing import Final

from tests.cluster import Lab

_PROGRAM: Final = """
import http.client, signal, ssl, sys
signal.alarm(120)
connection = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), timeout=5, context=ssl._create_unverified_context())
connection.connect()
connection.auto_open = False
for line in sys.stdin:
    try:
        connection.request("GET", "/")
        print(connection.getresponse().read().decode().strip(), flush=True)
    except Exception as error:
        print("failed:", repr(error), flush=True)
"""
"""It answers each line of its input with what the server says, and ends by itself after two minutes."""


class KeptOpen:
    """A context manager; `ask` sends the next request."""

    def __init__(self, lab: Lab, address: str, port: int) -> None:
        self._process = lab.client_spawn("python3", "-u", "-c", _PROGRAM, address, str(port))

    def __enter__(self) -> "KeptOpen":
        assert self.ask()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate(timeout=30)  # its input ends, and so does the program

    def ask(self) -> str:
        """The answer to one more request; it begins with `failed:` where the connection is broken."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()
