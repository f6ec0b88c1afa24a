"""Servers for `inside_listeners.py`: they run in the node image beside HAProxy, all on 127.0.0.1.

HTTP on 9001 (server `a`) and 9002 (`b`): the answer is JSON with the server's name and the request as it came. `/status/503` answers 503;
a request with `Upgrade: websocket` becomes an echo of WebSocket frames. HTTPS on 9003 (`tls`). A Redis-like dialogue on 9004 (`+PONG`),
MySQL's greeting and its answer to a login on 9005, PostgreSQL's answer on 9007. TCP on 9006, which echoes lines. A name server on UDP
port 53 knows `NAMES`.
"""

import base64
import hashlib
import http.server
import json
import socketserver
import ssl
import struct
import threading
import time
from typing import Any, ClassVar

NAMES: dict[str, str] = {}
"""Host name → IPv4 address. All other names do not exist. None is answered while `SILENT` is set."""
SILENT = threading.Event()
BROKEN: set[str] = set()
"""Servers (`a`, `b`, `redis`, `mysql`, `postgresql`) that answer checks as a server does that must get no requests."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3."""


class Page(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"
    name = ""
    busiest: ClassVar[dict[str, int]] = {}
    """Server → the most requests below /slow, which last for 0.4 s, that it worked on at once."""
    _busy: ClassVar[dict[str, int]] = {}
    _lock = threading.Lock()

    def do_GET(self) -> None:
        """JSON, or a WebSocket."""
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self._echo_frames()
        if self.path.startswith("/slow"):
            with self._lock:
                self._busy[self.name] = self._busy.get(self.name, 0) + 1
                self.busiest[self.name] = max(self.busiest.get(self.name, 0), self._busy[self.name])
            time.sleep(0.4)
            with self._lock:
                self._busy[self.name] -= 1
        request = {"server": self.name, "method": self.command, "path": self.path, "headers": self.headers.items()}
        body = json.dumps(request).encode()
        status = 503 if self.name in BROKEN and self.path.startswith("/healthz") else 200
        self.send_response(int(self.path.split("/")[2]) if self.path.startswith("/status/") else status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Powered-By", "test")
        self.end_headers()
        if self.command not in {"HEAD", "OPTIONS"}:
            self.wfile.write(body)
        return None

    do_OPTIONS = do_HEAD = do_POST = do_GET  # noqa: N815 - http.server's names

    def _echo_frames(self) -> None:
        """Text frames of less than 126 bytes come back, unmasked (RFC 6455, 5.2)."""
        key = base64.b64encode(hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + _GUID).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", key)):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        while len(head := self.rfile.read(2)) == 2:
            mask, payload = self.rfile.read(4), self.rfile.read(head[1] & 0x7F)
            text = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            self.wfile.write(bytes((0x81, len(text))) + text)

    def log_message(self, *_: object) -> None:
        """Writes no log."""


class Redis(socketserver.StreamRequestHandler):
    """`PING` → `+PONG`."""

    def handle(self) -> None:
        """Until the client closes."""
        while line := self.rfile.readline():
            self.wfile.write(b"-LOADING\r\n" if "redis" in BROKEN else b"+PONG\r\n" if line.strip() == b"PING" else b"-ERR\r\n")


class MySQL(socketserver.StreamRequestHandler):
    """The first packets of MySQL's protocol: version 10 of the greeting, and the answer to a login."""

    def handle(self) -> None:
        """Greets, and accepts the user `haproxy` unless it is broken."""
        greeting = (
            b"\x0a8.4.0\0"
            + struct.pack("<I", 1)
            + b"a" * 8
            + b"\0"
            + b"\xff\xf7\x21\x02\0\0\0\x15"
            + bytes(10)
            + b"b" * 12
            + b"\0"
        )
        self.wfile.write(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
        login = self.rfile.read(4)
        if len(login) < 4:
            return
        user = self.rfile.read(int.from_bytes(login[:3], "little"))
        accepted = b"haproxy\0" in user and "mysql" not in BROKEN
        answer = b"\x00\x00\x00\x02\x00\x00\x00" if accepted else b"\xff\x15\x04#28000denied"
        self.wfile.write(struct.pack("<I", len(answer))[:3] + b"\x02" + answer)


class PostgreSQL(socketserver.StreamRequestHandler):
    """The first messages of PostgreSQL's protocol 3.0: the client's startup message, and what the server says to it."""

    def handle(self) -> None:
        """Asks the user `haproxy` for a password (SASL, as scram-sha-256 does), unless it is broken. Others are refused."""
        length = int.from_bytes(self.rfile.read(4), "big")
        if length < 8:
            return
        startup = self.rfile.read(length - 4)
        names = dict(zip(*[iter(startup[4:].split(b"\0"))] * 2, strict=False))
        if startup[:4] != b"\0\3\0\0" or names.get(b"user") != b"haproxy":
            kind, message = b"E", b"SFATAL\0C28000\0Mno pg_hba.conf entry\0\0"
        elif "postgresql" in BROKEN:
            kind, message = b"E", b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
        else:
            kind, message = b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0"
        self.wfile.write(kind + struct.pack(">I", len(message) + 4) + message)


class Lines(socketserver.StreamRequestHandler):
    """Each line comes back."""

    def handle(self) -> None:
        """Until the client closes."""
        while line := self.rfile.readline():
            self.wfile.write(line)


class Names(socketserver.BaseRequestHandler):
    """A name server for addresses of IPv4 (RFC 1035)."""

    def handle(self) -> None:
        """One question."""
        query, socket = self.request
        if SILENT.is_set():
            return
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode().lower())
            at += 1 + length
        question, kind = query[12 : at + 5], struct.unpack("!H", query[at + 1 : at + 3])[0]
        address = NAMES.get(".".join(labels))
        found = address is not None and kind == 1
        flags = 0x8180 if address is not None else 0x8183
        answer = query[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0) + question
        if found:
            answer += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + bytes(map(int, str(address).split(".")))
        socket.sendto(answer, self.client_address)


class _TCP(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 256


class _UDP(socketserver.ThreadingUDPServer):
    allow_reuse_address, daemon_threads = True, True


def start() -> None:
    """Starts all servers, in threads that end with the program."""
    pages = {name: type(name, (Page,), {"name": name}) for name in ("a", "b", "tls")}
    tls = _TCP(("127.0.0.1", 9003), pages["tls"])
    tls.socket = _context().wrap_socket(tls.socket, server_side=True)
    servers: list[Any] = [_TCP(("127.0.0.1", 9001), pages["a"]), _TCP(("127.0.0.1", 9002), pages["b"]), tls]
    kinds = ((9004, Redis), (9005, MySQL), (9006, Lines), (9007, PostgreSQL))
    servers += [_TCP(("127.0.0.1", port), kind) for port, kind in kinds]
    for each in (*servers, _UDP(("127.0.0.1", 53), Names)):
        threading.Thread(target=each.serve_forever, daemon=True).start()


def _context() -> ssl.SSLContext:
    """A certificate that nobody trusts; the test makes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tests/cert.pem", "/tests/key.pem")
    return context
