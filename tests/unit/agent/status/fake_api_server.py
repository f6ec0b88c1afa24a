"""A fake API server for the tests of the reporter: HTTPS, PATCH and watches, records every request."""

import contextlib
import http.server
import json
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any
    connection: int
    """Number of the connection on which it came, from 1."""


@dataclass
class Exchange:
    """The requests that the server got, and how it is to answer."""

    requests: list[Request] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    """HTTP status of the next answers; 200 when there are no more."""
    hang_up: bool = False
    """Whether the server closes each connection after its answer, without a `Connection: close` header."""
    stall: threading.Event | None = None
    """Delays the answers until it is set."""
    events: list[Any] = field(default_factory=list)
    """What a watch is answered with; then it ends."""
    held: threading.Event | None = None
    """Delays the end of a watch until it is set."""
    connections: int = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    exchange: ClassVar[Exchange]

    def setup(self) -> None:
        super().setup()
        self.exchange.connections += 1
        self.number = self.exchange.connections

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.exchange.stall is not None:
            self.exchange.stall.wait(10)
        self.exchange.requests.append(Request(self.path, dict(self.headers), body, self.number))
        code = self.exchange.codes.pop(0) if self.exchange.codes else 200
        self.send_response(code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        if self.exchange.hang_up:
            self.close_connection = True

    def do_GET(self) -> None:
        self.exchange.requests.append(Request(self.path, dict(self.headers), None, self.number))
        self.send_response(self.exchange.codes.pop(0) if self.exchange.codes else 200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self.exchange.events:
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()
        if self.exchange.held is not None:
            self.exchange.held.wait(10)
        with contextlib.suppress(OSError):
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


def create_authority(directory: Path) -> None:
    """Creates a self-signed certificate for 127.0.0.1: `key` and `crt`."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key", "-out", directory / "crt"],
        check=True, capture_output=True,
    )  # fmt: skip


def other_certificate(authority: Path) -> bytes:
    """A certificate that did not sign the server's, with the same key."""
    argv = ["openssl", "req", "-x509", "-key", str(authority / "key"), "-days", "2", "-subj", "/CN=other"]
    return subprocess.run(argv, check=True, capture_output=True).stdout
