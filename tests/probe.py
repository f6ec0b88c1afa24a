"""A measuring client: one request on a new connection every few milliseconds, each with a short deadline.

Runs on the client's host with nothing but Python's standard library, and prints one JSON document at the end:

    python3 -c "$(cat probe.py)" HOST PORT PATH SECONDS EVERY DEADLINE
    {"sent": n, "failed": n, "gaps": [ms, …], "open_end": bool, "answers": [[time, line], …], "errors": {text: n}}

A gap is the time between two answers with at least one failure between them. `answers` has an entry whenever the first line of the
page changes, with the wall clock's time in seconds. `open_end`: the last request failed.
"""

import json
import socket
import sys
import time


def ask(host: str, port: int, path: str, deadline: float) -> str:
    """One request; returns the first line of the answer's body.

    Raises:
        OSError: no complete answer with status 200 within `deadline` seconds.
    """
    until = time.monotonic() + deadline
    with socket.create_connection((host, port), timeout=deadline) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while True:
            connection.settimeout(max(until - time.monotonic(), 0.001))
            chunk = connection.recv(65536)
            if not chunk:
                break
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError("status " + head.split(b"\r\n")[0].decode("latin-1"))
    return body.decode().strip().splitlines()[0] if body.strip() else ""


def probe(host: str, port: int, path: str, *, seconds: float, every: float, deadline: float) -> dict[str, object]:
    """Sends requests for `seconds`, one every `every` seconds at most, each with `deadline` seconds. Returns the JSON document."""
    begin = time.monotonic()
    sent = failed = 0
    failing = False
    last = begin
    gaps: list[float] = []
    answers: list[tuple[float, str]] = []
    errors: dict[str, int] = {}
    while (now := time.monotonic()) < begin + seconds:
        sent += 1
        try:
            answer = ask(host, port, path, deadline)
        except OSError as error:
            failed += 1
            failing = True
            text = f"{type(error).__name__} {error}"
            errors[text] = errors.get(text, 0) + 1
        else:
            at = time.monotonic()
            if failing:
                gaps.append(round((at - last) * 1000, 1))
            failing = False
            last = at
            if not answers or answers[-1][1] != answer:
                answers.append((round(time.time(), 4), answer))
        time.sleep(max(0.0, now + every - time.monotonic()))
    if failing:
        gaps.append(round((time.monotonic() - last) * 1000, 1))
    return {"sent": sent, "failed": failed, "gaps": gaps, "open_end": failing, "answers": answers[-50:], "errors": errors}


if __name__ == "__main__":
    address, port_text, where, length, step, limit = sys.argv[1:7]
    result = probe(address, int(port_text), where, seconds=float(length), every=float(step), deadline=float(limit))
    print(json.dumps(result))
