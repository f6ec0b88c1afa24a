"""Runs inside a node's container: a server behind HAProxy, and clients that speak TLS.

inside_tls.py serve                      a server on 127.0.0.1:8081 that answers with the headers of the request, as JSON
inside_tls.py serve-tls FILE             the same over TLS on 127.0.0.1:8443, with the certificate and key that the file has at that time;
                                         `sni` is the name that was asked for
inside_tls.py put FILE TEXT              replaces a file
inside_tls.py ask HOST PORT              one handshake: prints JSON with `sha` of the certificate, `version`, `alpn`, or `error`
inside_tls.py get HOST PORT              one request over it: prints what the server got, as JSON
inside_tls.py rotate FILE TEXT HOST PORT new connections without a pause, while the file is replaced; prints JSON: `done`, `failed`,
                                         and `milliseconds` from the replacement to the first handshake with another certificate
"""

import hashlib
import http.server
import json
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the headers of the request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The answer."""
        found = {name.lower(): value for name, value in self.headers.items()}
        asked = getattr(self.connection, "asked", None)
        body = json.dumps(found | ({"sni": asked} if asked else {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        """HAProxy's check."""
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Writes no log."""


class Server(http.server.ThreadingHTTPServer):
    """The server."""

    daemon_threads = True


class TlsServer(Server):
    """The server over TLS."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(("127.0.0.1", 8443), Handler)

    def get_request(self) -> tuple[Any, Any]:
        """A connection, whose handshake is the first thing that its own thread does."""

        def note(connection: ssl.SSLSocket, name: str, _: ssl.SSLContext) -> None:
            connection.asked = name  # type: ignore[attr-defined]

        connection, address = super().get_request()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        context.sni_callback = note  # type: ignore[assignment]
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_: Any) -> None:
        """Refused handshakes are expected."""


def connect(host: str, port: int, newest: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    if newest:
        context.maximum_version = newest
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=host)


def sha(connection: ssl.SSLSocket) -> str:
    return hashlib.sha256(connection.getpeercert(True) or b"").hexdigest()


def ask(host: str, port: int) -> dict[str, Any]:
    try:
        with connect(host, port) as connection:
            found = {"sha": sha(connection), "version": connection.version(), "alpn": connection.selected_alpn_protocol()}
        try:
            connect(host, port, ssl.TLSVersion.TLSv1_2).close()
            return {**found, "old": True}
        except ssl.SSLError:
            return {**found, "old": False}
    except OSError as error:
        return {"error": str(error)}


def get(host: str, port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=host) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: ftp\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := connection.recv(65536):
            data += part
    return data.partition(b"\r\n\r\n")[2].decode()


def put(file: str, text: str) -> None:
    new = Path(f"{file}.new")
    new.write_text(text)
    new.replace(file)


def rotate(file: str, text: str, host: str, port: int) -> dict[str, Any]:
    with connect(host, port) as connection:
        before = sha(connection)
    done, failed, errors, milliseconds, put_at, until = 0, 0, [], None, None, time.monotonic() + 12
    started = time.monotonic()
    while time.monotonic() < until:
        if put_at is None and time.monotonic() - started > 1:
            put(file, text)
            put_at = time.monotonic()
        try:
            with connect(host, port) as connection:
                done += 1
                if milliseconds is None and sha(connection) != before:
                    assert put_at is not None
                    milliseconds = (time.monotonic() - put_at) * 1000
                    until = time.monotonic() + 2
        except OSError as error:
            failed += 1
            errors.append(str(error))
    return {"done": done, "failed": failed, "errors": errors[:3], "milliseconds": milliseconds}


match sys.argv[1:]:
    case ["serve"]:
        Server(("127.0.0.1", 8081), Handler).serve_forever()
    case ["serve-tls", file]:
        TlsServer(file).serve_forever()
    case ["put", file, text]:
        put(file, text)
    case ["ask", host, port]:
        print(json.dumps(ask(host, int(port))))
    case ["get", host, port]:
        print(get(host, int(port)))
    case ["rotate", file, text, host, port]:
        print(json.dumps(rotate(file, text, host, int(port))))
