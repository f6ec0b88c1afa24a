"""Runs inside a node's container: finds processes, signals them, and measures how long the agent takes to react.

inside.py react SIGNAL NAME CONDITION SECONDS   sends a signal to every process of that name, and prints the milliseconds until
                                                the condition holds, or `late`
inside.py wait CONDITION SECONDS                prints the milliseconds until the condition holds, or `late`
inside.py pids NAME                             prints process ids
inside.py resident NAME                         prints the memory of the first process of that name in kB
inside.py load                                  sends requests until SIGTERM, then prints how many succeeded and failed

It runs inside because starting a command in a container takes longer than most of the times that are measured.

NAME may be a pid file: then only that process is meant.

Conditions: `track=0`, `track=1`, `vip`, `no-vip`, `gone=NAME`.
"""

import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

RUN = Path("/run/hacluster")
VIP = "172.16.7.200"


def named(name: str) -> list[int]:
    """Ids of the processes with this name among their first seven arguments: programs, scripts, and configuration files."""
    if name.startswith("/"):
        return [int(Path(name).read_text())]
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in {os.getpid(), os.getppid()}:
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and name in {Path(arg.decode()).name for arg in argv[:7]}:
                found.append(int(entry.name))
    return sorted(found)


def holds(condition: str) -> bool:
    """Whether one of the conditions in the module's docstring is true."""
    kind, _, value = condition.partition("=")
    if kind == "track":
        file = RUN / "track-haproxy"
        return file.exists() and file.read_text().strip() == value
    if kind == "gone":
        return not named(value)
    return has_vip() is (kind == "vip")


def has_vip() -> bool:
    """Whether the node has the virtual IP: every own address is a route in the table Local.

    Reading that takes microseconds; running `ip` may take long on a busy machine.
    """
    table = ""
    for line in Path("/proc/net/fib_trie").read_text().splitlines():
        if not line.startswith(" "):
            table = line
        elif line.endswith(f"-- {VIP}") and table == "Local:":
            return True
    return False


def react(number: str, name: str, condition: str, seconds: str) -> str:
    """Signals processes; milliseconds until the condition holds, or `late`."""
    targets = named(name)
    if not targets:
        raise SystemExit(f"no {name} runs here")
    started = time.perf_counter()
    for pid in reversed(targets):  # children first: after the end of its parent, a child could end gracefully
        os.kill(pid, getattr(signal, f"SIG{number}"))
    return wait(condition, seconds, started)


def wait(condition: str, seconds: str, started: float | None = None) -> str:
    """Milliseconds from `started`, by default now, until the condition holds, or `late`."""
    if started is None:
        started = time.perf_counter()
    while not holds(condition):
        if time.perf_counter() - started > float(seconds):
            return "late"
        time.sleep(0.0005)
    return str((time.perf_counter() - started) * 1000)


def pids(name: str) -> str:
    """Process ids as text."""
    return " ".join(map(str, named(name)))


def resident(name: str) -> str:
    """Memory of the first process of that name in kB (VmRSS)."""
    lines = Path(f"/proc/{named(name)[0]}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("VmRSS:"))


def load() -> str:
    """Sends requests until SIGTERM, each on a connection of its own; how many succeeded and failed."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    done = failed = 0
    while not stop:
        try:
            with urllib.request.urlopen("http://127.0.0.1/", timeout=3) as answer:
                answer.read()
            done += 1
        except OSError:
            failed += 1
    return f"{done} {failed}"


def main() -> None:
    """Runs one of the commands in the module's docstring."""
    command, *arguments = sys.argv[1:]
    commands: dict[str, Callable[..., str]] = {"react": react, "wait": wait, "pids": pids, "resident": resident, "load": load}
    print(commands[command](*arguments), flush=True)


main()
