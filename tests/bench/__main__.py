"""`make bench`: the failover table, throughput and false failovers, measured on this machine, written to docs/benchmarks.

    python -m tests.bench [--trials 20] [--minutes 10] [--only SECTION …]

The sections run one after the other in containers of the node image. The JSON of each is written as soon as it is measured, so that
an interrupted run loses one section at most; `--only` measures some sections again and keeps the others.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.pages import write_pages
from tests.cluster import cache, engine, ensure_images
from tests.cluster.engines import detect, exists, step

HERE = Path(__file__).parent
REALTIME = cache.REPOSITORY / "tests" / "dataplane" / "realtime.sh"
DOCS = cache.REPOSITORY / "docs" / "benchmarks"
DATA = DOCS / "data"
LATENCY = "latency"
PLAIN = "saturated-plain"
"""The section in which keepalived has no real-time priority, as in a container that is not allowed to have it."""


def main() -> int:
    """Measures the chosen sections and writes the pages. Returns 1 if a section failed, else 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, default=20, help="of each event")
    parser.add_argument("--minutes", type=float, default=10, help="of the long sections")
    parser.add_argument("--only", nargs="*", default=[], help="sections to measure; the others are kept")
    options = parser.parse_args()
    sections = {**plan(options.trials, options.minutes), LATENCY: []}
    unknown = set(options.only) - sections.keys()
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(sections)}")
    image = build()
    DATA.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.only or sections:
        started = time.monotonic()
        print(f"> {name}", flush=True)
        measured = measure(image, sections[name], real_time=name != PLAIN) if name != LATENCY else latency()
        if measured is None:
            failed.append(name)
            continue
        measured |= {"measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "seconds": round(time.monotonic() - started)}
        (DATA / f"{name}.json").write_text(json.dumps(measured | {"machine": machine()}, ensure_ascii=False, indent=1) + "\n")
        print(f"+ {name} {measured['seconds']} s", flush=True)
    write_pages(DATA, DOCS)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def plan(trials: int, minutes: float) -> dict[str, list[str]]:
    """The arguments of `inside.py` for each section."""
    return {
        "faults-tutorial": ["faults", "tutorial", str(trials)],
        "faults-default": ["faults", "default", str(trials)],
        "faults-fast": ["faults", "fast", str(trials)],
        "planned-default": ["planned", "default", str(trials)],
        "planned-fast": ["planned", "fast", str(trials)],
        "reloads-default": ["reloads", "default"],
        "reloads-fast": ["reloads", "fast"],
        "throughput": ["throughput", "30", "3"],
        "throughput-short": ["throughput", "10", "5"],
        "saturated": ["saturated", str(minutes)],
        "saturated-plain": ["saturated", str(minutes)],
        "frozen": ["frozen", "5"],
        "front-doors": ["front_doors", str(trials)],
        "alone-default": ["alone", "default", str(minutes), str(trials)],
        "alone-fast": ["alone", "fast", str(minutes), str(trials)],
    }


def build() -> str:
    """Builds the node image with a load generator; returns its reference. The product's code is mounted from the work tree."""
    node = ensure_images().node
    image = f"localhost/hacluster-bench:{cache.digest(HERE / 'bench.Containerfile', node)}"
    if not exists(image):
        options = [] if detect().registry else ["--network", "host"]
        step("build the bench's image", "build", *options, "--build-arg", f"NODE={node}", "--tag", image,
             "--file", str(HERE / "bench.Containerfile"), str(HERE))  # fmt: skip
    return image


def measure(image: str, arguments: list[str], *, real_time: bool) -> dict[str, Any] | None:
    """Measures one section in a container; returns its document, or None if it failed. Progress goes to the terminal.

    `real_time`: start by realtime.sh, which lets keepalived have real-time priority.
    """
    chosen = detect()
    mounts = {
        cache.REPOSITORY / "operator": "/source",
        HERE: "/bench",
        cache.REPOSITORY / "manifests/samples": "/samples",
        REALTIME: "/realtime.sh",
    }
    volumes = [part for source, target in mounts.items() for part in ("--volume", f"{source}:{target}:ro")]
    name = f"hacluster-bench-{os.getpid()}"
    command = [
        chosen.name, "run", "--rm", "--name", name, "--privileged", "--network", "none", *volumes,
        "--env", "PYTHONPATH=/source", "--entrypoint", "sh" if real_time else "env", image, *(["/realtime.sh"] if real_time else []),
        "/opt/hacluster/bin/python", "/bench/inside.py", *arguments,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, env={**os.environ, **chosen.env}, stdout=subprocess.PIPE, text=True, check=False)
    finally:
        engine("rm", "--force", "--time", "0", name, check=False)
    if done.returncode:
        return None
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def latency() -> dict[str, Any] | None:
    """Measures the time from an agent's report of a move to the status that shows it; None if it failed.

    It needs no data plane, but an API server and the operator: `tests/api/latency.py`.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.api.latency", "--moves", "100"], stdout=subprocess.PIPE, text=True, check=False
    )
    return None if done.returncode else dict(json.loads(done.stdout.splitlines()[-1]))


def machine() -> dict[str, str]:
    """Describes this machine: processors, memory, kernel, load of the last 15 minutes."""
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    return {
        "processors": f"{os.cpu_count()} × {cpu}", "memory": f"{memory:.0f} GiB", "kernel": os.uname().release,
        "load": f"{os.getloadavg()[2]:.1f}",
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
