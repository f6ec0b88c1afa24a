"""A client that makes TLS handshakes one after the other, and says how many failed and which certificates it saw since when.

handshakes.py SECONDS HOST ADDRESS...    prints `started`, then a JSON object: for each address `done`, `failed`, `errors` (three at most)
                                         and `seen`: SHA-256 of each certificate → time of the first handshake with it (time.time)

Every handshake verifies nothing but that it ends: which certificate is right is for the test to say.
"""

import hashlib
import json
import socket
import ssl
import sys
import time
from threading import Thread
from typing import Any


def run(address: str, host: str, until: float, found: dict[str, Any]) -> None:
    """Makes handshakes until then."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while time.time() < until:
        try:
            plain = socket.create_connection((address, 443), 5)
            with context.wrap_socket(plain, server_hostname=host) as connection:
                sha = hashlib.sha256(connection.getpeercert(True) or b"").hexdigest()
            found["done"] += 1
            found["seen"].setdefault(sha, time.time())
        except OSError as error:
            found["failed"] += 1
            found["errors"] = [*found["errors"], f"{time.time():.3f} {error}"][:3]
        time.sleep(0.02)


def main(seconds: str, host: str, *addresses: str) -> None:
    """One thread for each address."""
    results: dict[str, dict[str, Any]] = {each: {"done": 0, "failed": 0, "errors": [], "seen": {}} for each in addresses}
    until = time.time() + float(seconds)
    threads = [Thread(target=run, args=(each, host, until, found)) for each, found in results.items()]
    for thread in threads:
        thread.start()
    print("started", flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps(results), flush=True)


main(*sys.argv[1:])
