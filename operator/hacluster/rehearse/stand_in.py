"""The HTTP server that stands in for one of the user's own servers.

Runs on the lab's host `servers`, once for each address and port: `python -m hacluster.rehearse.stand_in ADDRESS PORT`. It answers
GET, HEAD and OPTIONS with 200, so that HAProxy's checks pass, and its page names the address, so that a client can tell servers apart.
"""

import http.server
import socketserver
import sys


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """One thread for each connection."""

    daemon_threads = True
    request_queue_size = 1024
    """socketserver's default, 5, makes the kernel drop connection requests when a busy machine lets this program wait."""


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every path with the same page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Sends the page, without its body unless the method is GET."""
        address, port = sys.argv[1:3]
        body = f"<h1>stand-in for {address}:{port}</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_OPTIONS = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Writes no log."""


if __name__ == "__main__":
    Server((sys.argv[1], int(sys.argv[2])), Page).serve_forever()
