"""Runs in the node image: HAProxy with one configuration after the other, the servers of `inside_servers.py`, and clients.

Its input is a JSON list of steps. Each has `config`, a text of haproxy.cfg (null: as before), and `probes`, a list of lists: the name of a
function below that begins with `probe_`, and its arguments. HAProxy starts with the first configuration and is reloaded with each other.
It prints a JSON list with the results of each step's probes. `other` in the first step is the configuration of a second HAProxy: a peer
that speaks the PROXY protocol.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, "/tests")
import inside_servers as servers

from hacluster.agent.haproxy.server_states import COMMAND as STATES_COMMAND
from hacluster.agent.haproxy.server_states import states_for_reload
from hacluster.names import HAPROXY_SERVER_STATES

CONFIG = Path("/run/hacluster/haproxy.cfg")
MASTER = "/run/hacluster/haproxy-master.sock"
STATES = Path(HAPROXY_SERVER_STATES)
ADMIN = "/run/hacluster/haproxy-admin.sock"


def probe_http(port: int, path: str, headers: dict[str, str], source: str = "", method: str = "GET") -> dict[str, Any] | None:
    """Status, headers and the server's JSON; None: the connection was refused or closed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5, source_address=(source, 0) if source else None)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        seen = json.loads(body) if body.startswith(b"{") else {"text": body.decode()[:20000]}
        return {"status": answer.status, "headers": dict(answer.getheaders()), "seen": seen}
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def probe_chosen(port: int, sources: list[str]) -> list[str]:
    """For each client's address the server that its request was sent to, as the cookie S names it."""
    answers = [probe_http(port, "/", {}, source) for source in sources]
    return [answer["headers"]["set-cookie"].partition("=")[2].partition(";")[0] if answer else "" for answer in answers]


def probe_servers(until: dict[str, str], seconds: float = 8) -> dict[str, list[str]]:
    """Proxy/server → status and last check, once the statuses begin as `until` says, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = _statuses()
        if all(found.get(name, [""])[0].startswith(status) for name, status in until.items()) or time.monotonic() > deadline:
            return {name: found.get(name, ["absent"]) for name in until}
        time.sleep(0.05)


def probe_break(*names: str) -> None:
    """From now on these servers, and no others, answer checks as one that must get no requests."""
    servers.BROKEN.clear()
    servers.BROKEN.update(names)


def probe_names(names: dict[str, str] | None) -> None:
    """What the name server knows from now on; None: it does not answer."""
    servers.NAMES.clear()
    servers.NAMES.update(names or {})
    servers.SILENT.clear() if names is not None else servers.SILENT.set()


def probe_at_once(port: int, count: int) -> dict[str, Any]:
    """The statuses of so many requests at the same time, and how many a server worked on at once."""
    servers.Page.busiest.clear()
    found: list[int] = []

    def ask() -> None:
        answer = probe_http(port, "/slow", {})
        found.append(answer["status"] if answer else 0)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return {"statuses": sorted(found), "busiest": dict(servers.Page.busiest)}


def probe_accepted(port: int, count: int) -> int:
    """How many of so many connections at once get an answer within a second."""
    answered = 0
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 1)) for _ in range(count)]
        for each in connections:
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        until = time.monotonic() + 1
        for each in connections:
            each.settimeout(max(0.01, until - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                answered += bool(each.recv(1))
    return answered


def probe_idle(port: int, idle: float, breaks: str = "") -> str:
    """What a TCP connection to the server of lines does after so many idle seconds: `open` or `closed`. Meanwhile `breaks` may break."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"one\n")
        assert connection.recv(99) == b"one\n"
        if breaks:
            probe_break(breaks)
        time.sleep(idle)
        return _echoes(connection, b"two\n", b"two\n")


def probe_websocket(port: int, idle: float) -> str:
    """The same for a WebSocket."""
    upgrade = "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(f"{upgrade}Sec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        frame = b"\x81\x85\x00\x00\x00\x00hello"
        assert _echoes(connection, frame, b"\x81\x05hello") == "open"
        time.sleep(idle)
        return _echoes(connection, frame, b"\x81\x05hello")


def probe_curl(*arguments: str) -> str:
    """What curl prints."""
    return subprocess.run(["curl", "-sS", "--max-time", "5", *arguments], capture_output=True, text=True, check=False).stdout


def _echoes(connection: socket.socket, sent: bytes, expected: bytes) -> str:
    try:
        connection.sendall(sent)
        return "open" if connection.recv(len(expected)) == expected else "closed"
    except ConnectionError:
        return "closed"


def _statuses() -> dict[str, list[str]]:
    lines = _command(ADMIN, "show stat -1 4 -1").removeprefix("# ").splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:] if line]
    return {f"{row['pxname']}/{row['svname']}": [row["status"], row["check_status"].removeprefix("* ")] for row in rows}


def _command(path: str, command: str) -> str:
    """HAProxy's answer. Its socket may listen a moment later than its worker: OSError is raised after ten seconds."""
    until = time.monotonic() + 10
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(f"{command}\n".encode())
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def _haproxy(config: Path, *options: str) -> Iterator[None]:
    process = subprocess.Popen(["haproxy", "-db", *options, "-f", str(config)], stdout=subprocess.DEVNULL, stderr=sys.stderr)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _run(steps: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for number, step in enumerate(steps):
        if number and step["config"]:
            # As the agent does.
            STATES.write_text(states_for_reload(_command(ADMIN, STATES_COMMAND), CONFIG.read_text(), step["config"]))
            CONFIG.write_text(step["config"])
            answer = _command(MASTER, "reload")
            assert answer.startswith("Success=1"), answer
        _command(ADMIN, "show info")
        yield [globals()[f"probe_{name}"](*arguments) for name, *arguments in step["probes"]]


def main() -> None:
    """Reads the steps, and prints their results."""
    steps = json.load(sys.stdin)
    servers.start()
    CONFIG.parent.mkdir(parents=True, exist_ok=True)
    CONFIG.write_text(steps[0]["config"])
    Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    with contextlib.ExitStack() as stack:
        if other := steps[0].get("other"):
            Path("/tmp/other.cfg").write_text(other)
            stack.enter_context(_haproxy(Path("/tmp/other.cfg")))
        stack.enter_context(_haproxy(CONFIG, "-W", "-S", MASTER))
        results = list(_run(steps))
    json.dump(results, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
