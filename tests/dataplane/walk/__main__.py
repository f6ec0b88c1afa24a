"""`python -m walk`: walks in the node image. Prints one line for each step, and everything that is known of a violation.

fields [--only REGEX]              every value of every field: from the base resource to it and back
samples                            whole resources that replace each other
random --seed N --steps M --from K random valid resources; `--from` goes straight to that step
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from random import Random

from hacluster.api import parse
from hacluster.rehearse.lab import running_lab

from .edits import RandomWalk, Spec, difference, edited, manifest
from .fields import BASE, FIELDS
from .machine import Machine
from .samples import PAIRS, samples
from .validity import layout, valid

Step = tuple[str, Spec]


def main() -> int:
    """Plays the chosen walk; returns 1 if a step violated what must hold."""
    parser = argparse.ArgumentParser(prog="walk", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("kind", nargs="?", default="random", choices=("fields", "samples", "random"))
    parser.add_argument(
        "--seed", type=int, default=int(time.time()), help="of the random walk; printed, so that it can be repeated"
    )
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument(
        "--from", dest="first", type=int, default=1, help="the step to begin with; the lab starts as it was before it"
    )
    parser.add_argument("--only", default="", help="regular expression: these fields or samples only")
    parser.add_argument(
        "--fresh", type=int, help="compare every so many steps with a fresh start; 0: never. Default: 10, for fields 1"
    )
    parser.add_argument("--logs", action="store_true", help="print what agents and keepalived logged in a step with a violation")
    options = parser.parse_args()
    if options.fresh is None:  # a value of a field may work only because the nodes were started with another one
        options.fresh = 1 if options.kind == "fields" else 10
    steps = list({"fields": field_steps, "samples": sample_steps, "random": random_steps}[options.kind](options))
    print(f"walk {options.kind}, seed {options.seed}: {len(steps)} steps", flush=True)
    with running_lab(parse(manifest(steps[options.first - 1][1])), layout=layout()) as lab:
        machine = Machine(lab)
        try:
            return play(machine, steps, options)
        finally:
            machine.close()


def field_steps(options: argparse.Namespace) -> Iterator[Step]:
    """From the base resource to each value of each field, and back."""
    yield "base", dict(BASE)
    for name in FIELDS:
        if re.search(options.only, name):
            for number, edit in enumerate(FIELDS[name], 1):
                yield f"{name} ({number})", edited(BASE, edit)
                yield f"back from {name} ({number})", dict(BASE)


def sample_steps(options: argparse.Namespace) -> Iterator[Step]:
    """Whole resources: each pair there and back."""
    specs = samples()
    last = ""
    for one, other in PAIRS:
        for name in (one, other, one) if re.search(options.only, f"{one} {other}") else ():
            if name != last:
                yield name, specs[name]
            last = name


def random_steps(options: argparse.Namespace) -> Iterator[Step]:
    """The base resource, then so many random valid ones."""
    nodes = layout()
    walk = RandomWalk(Random(options.seed), lambda spec: valid(spec, nodes) is not None)
    yield "base", dict(BASE)
    for _ in range(options.steps):
        yield walk.step()


def play(machine: Machine, steps: list[Step], options: argparse.Namespace) -> int:
    """Plays the steps from the chosen one on; prints the report. Returns the exit code."""
    first = steps[options.first - 1][1]
    started = machine.start(parse(manifest(first)))
    fresh = {key(first, machine): started}
    violations = []
    for number, (name, spec) in enumerate(steps[options.first :], options.first):
        outcome = machine.go(parse(manifest(spec)))
        faults = list(outcome.faults)
        due = options.fresh and number % options.fresh == 0
        if not faults and key(spec, machine) in fresh:
            faults += [f"unlike a fresh start: {each}" for each in machine.unlike(fresh[key(spec, machine)])]
        elif not faults and due and not spec.get("paused"):
            faults += compare(machine, spec, fresh)
        print(f"{number:4} {'FAULT' if faults else 'ok':5} {outcome.seconds:5.1f} s  {name}: {outcome.cost}", flush=True)
        if faults:
            violations.append(number)
            tell(number, steps, faults, outcome.history, options)
            print(machine.logs() if options.logs else "", end="", flush=True)
            if any(each.startswith("not done") for each in faults):
                machine.start(parse(manifest(spec)))
    print(json.dumps({"kind": options.kind, "seed": options.seed, "steps": len(steps) - options.first, "violations": violations}))
    return bool(violations)


def compare(machine: Machine, spec: Spec, fresh: dict[str, dict[str, object]]) -> list[str]:
    """Starts the resource afresh, and compares with that what the nodes were like before."""
    before = machine.settled()
    after = machine.start(parse(manifest(spec)))
    fresh[key(spec, machine)] = after
    return [f"unlike a fresh start: {each}" for each in machine.differ(before, after)]


def key(spec: Spec, machine: Machine) -> str:
    """A resource and the VRIDs that were allotted for it, as a dictionary's key: an allotted VRID depends on what was there before."""
    vrids = sorted((vip.address, vip.virtual_router_id) for vip in machine.controller.status.virtual_ips)
    return json.dumps([spec, vrids], sort_keys=True)


def tell(number: int, steps: list[Step], faults: list[str], history: tuple[str, ...], options: argparse.Namespace) -> None:
    """Prints all that is known of a violation, and how to repeat it."""
    chosen = f"--seed {options.seed} --steps {number} --from {number}" if options.kind == "random" else f"--from {number}"
    only = f" --only '{options.only}'" if options.only else ""
    lines = [f'violation in step {number}; to repeat it: make walk WALK="{options.kind} {chosen}{only}"', *faults, *history]
    lines.append(difference(steps[number - 1][1], steps[number][1]))
    print("\n".join(f"       | {line}" for each in lines for line in each.splitlines()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
