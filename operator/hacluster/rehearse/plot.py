"""Pictures of a drill: every request around the worst trial of each event."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hacluster.rehearse.faults import TITLES, Event

_LEAST: Final = 0.2
_LOST: Final = 3000.0


def draw(document: Mapping[str, Any], file: Path) -> None:
    """One small plot an event, in one picture. Needs matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    worst = document["worst"]
    figure, axes = plt.subplots(len(worst), 1, figsize=(9, 1.9 * len(worst) + 0.5), squeeze=False, layout="constrained")
    for (event, trace), ax in zip(worst.items(), axes[:, 0], strict=True):
        good = [(at, max(latency, _LEAST)) for at, latency, answered in trace["requests"] if answered]
        bad = [(at, _LOST) for at, _, answered in trace["requests"] if not answered]
        ax.scatter(*zip(*good, strict=True) if good else ((), ()), s=3, color="#1f77b4", linewidths=0)
        if bad:
            ax.scatter(*zip(*bad, strict=True), s=12, marker="x", color="#d62728", linewidths=0.8)
        ax.axvline(0, color="#888888", linewidth=0.8)
        ax.set_yscale("log")
        ax.set_ylim(_LEAST / 1.5, _LOST * 2)
        ax.set_ylabel("ms")
        ax.set_title(f"{TITLES[Event(event)]}: worst gap {trace['gap']:.0f} ms", fontsize=9, loc="left")
        ax.tick_params(labelsize=8)
    axes[-1, 0].set_xlabel("ms since the event; each dot is a request on a new connection, each cross one without an answer")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=110)
    plt.close(figure)
