"""Runs in the node image: HAProxy with one configuration after the other, and a server that answers with what it is asked.

Its input is a JSON list of texts of haproxy.cfg, each with a listener on port 80 whose server is 127.0.0.1:9001. HAProxy starts with the
first and is reloaded with each further one. It prints one JSON object for each: `forwarded`: the X-Forwarded-For lines that the server got
for a request with one of its own; `stats`: the status of /stats on port 8080, None where nothing listens; `closed`: for GET and POST the
client's status and the number of requests that the server got, where it closes the connection of the first one without an answer.
"""

import http.client
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

CONFIG = Path("/run/hacluster/haproxy.cfg")
MASTER = "/run/hacluster/haproxy-master.sock"


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the request's X-Forwarded-For lines. The first request for a path below /closed/ gets no answer."""

    closed: ClassVar[dict[str, int]] = {}
    """Path → how many requests came for it."""

    def do_GET(self) -> None:
        """One line for each header line."""
        if self.path.startswith("/closed/"):
            self.closed[self.path] = self.closed.get(self.path, 0) + 1
            if self.closed[self.path] == 1:
                self.close_connection = True
                return
        body = "\n".join(self.headers.get_all("X-Forwarded-For") or []).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if self.command != "OPTIONS" else 0))
        self.end_headers()
        if self.command != "OPTIONS":
            self.wfile.write(body)

    do_POST = do_OPTIONS = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        """Writes no log."""


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str] | None:
    """Status and body of the answer; None: nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request(method, path, headers={"X-Forwarded-For": "203.0.113.66"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


def connected() -> socket.socket:
    """A connection to the master, which may listen a moment later than its worker. Raises OSError after ten seconds."""
    until = time.monotonic() + 10
    while True:
        master = socket.socket(socket.AF_UNIX)
        try:
            master.connect(MASTER)
            return master
        except OSError:
            master.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def reload() -> None:
    """Raises AssertionError where HAProxy refuses the configuration."""
    with connected() as master:
        master.sendall(b"reload\n")
        answer = b""
        while part := master.recv(65536):
            answer += part
    assert answer.startswith(b"Success=1"), answer.decode()


def observe() -> dict[str, object]:
    """What a client sees, once HAProxy answers."""
    until = time.monotonic() + 10
    while (answer := ask(80, "/")) is None or answer[0] != 200:
        assert time.monotonic() < until, answer
        time.sleep(0.05)
    stats = ask(8080, "/stats")
    return {
        "forwarded": answer[1].split("\n") if answer[1] else [],
        "stats": stats[0] if stats else None,
        "closed": {method: closed(method) for method in ("GET", "POST")},
    }


def closed(method: str) -> tuple[int | None, int]:
    """The client's status, and how often the server was asked, where it does not answer the first time."""
    path = f"/closed/{method}/{time.monotonic()}"
    answer = ask(80, path, method)
    return answer[0] if answer else None, Echo.closed.get(path, 0)


def main() -> None:
    """Reads the configurations, and prints what each does."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 9001), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    first, *others = json.load(sys.stdin)
    CONFIG.parent.mkdir(parents=True, exist_ok=True)
    CONFIG.write_text(first)
    haproxy = subprocess.Popen(
        ["haproxy", "-W", "-db", "-S", MASTER, "-f", str(CONFIG)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        results = [observe()]
        for text in others:
            CONFIG.write_text(text)
            reload()
            results.append(observe())
    finally:
        haproxy.terminate()
        haproxy.wait(10)
    print("\n".join(map(json.dumps, results)))


if __name__ == "__main__":
    main()
