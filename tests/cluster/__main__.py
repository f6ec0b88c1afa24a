"""`python -m tests.cluster`: prepares tools, images or a cluster, or removes the cluster."""

import argparse
import os
import subprocess
import sys

from . import Lab, ensure_images, ensure_kube, ensure_tools, steps

_DEMO = "hacluster-demo"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code; a failure is printed as one message, not as a traceback."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tools", help="kind, kubectl, helm and a container engine")
    commands.add_parser("kube", help="an API server and etcd, for tests that need no node")
    commands.add_parser("images", help="the product's images")
    commands.add_parser("timings", help="how long each step took when it last ran")
    for name, text in (
        ("up", "create or reuse the cluster"),
        ("down", "remove it"),
        ("client", "run a command on the public network"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--name", default=_DEMO)
        if name == "client":
            command.add_argument("command_line", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen)
    except steps.StepFailed as problem:
        print(problem, file=sys.stderr)
    except (subprocess.SubprocessError, TimeoutError) as problem:
        print(f"failed: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    return 1


def _run(chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "tools":
            print(ensure_tools())
        case "kube":
            print(ensure_kube())
        case "images":
            print(ensure_images())
        case "timings":
            steps.table(steps.timings())
            return 0
        case "up":
            lab = Lab(chosen.name)
            lab.up()
            print(f"export KUBECONFIG={lab.kubeconfig}")
        case "down":
            Lab(chosen.name).down()
        case "client":
            lab = Lab(chosen.name)
            environment = {**os.environ, **lab.tools.engine_env}
            return subprocess.run(lab.client_command(*chosen.command_line), env=environment, check=False).returncode
    steps.table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
