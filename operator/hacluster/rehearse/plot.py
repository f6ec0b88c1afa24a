"""Draws a drill: every request around the worst trial of each event.

`draw` reads the `worst` part of a `summary.document`. matplotlib is imported only here, because the product's images do not have it
(extra `plot`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hacluster.rehearse.client import DEADLINE
from hacluster.rehearse.events import TITLES, Event

_LOWEST: Final = 0.2
"""Milliseconds: faster requests are drawn at this height, because the axis is logarithmic."""
_LOST: Final = 1000 * DEADLINE
"""Milliseconds: the height at which requests without an answer are drawn (`client.DEADLINE`)."""


def draw(document: Mapping[str, Any], file: Path) -> None:
    """Draws one plot for each event into one file (SVG or PNG, by its suffix). Raises ImportError without matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    worst = document["worst"]
    figure, axes = plt.subplots(len(worst), 1, figsize=(9, 1.9 * len(worst) + 0.5), squeeze=False, layout="constrained")
    for (event, trace), ax in zip(worst.items(), axes[:, 0], strict=True):
        for name, colour in (("requests", "#1f77b4"), ("newcomer", "#ff7f0e")):
            points = trace.get(name, ())
            answered = [(at, max(latency, _LOWEST)) for at, latency, answered in points if answered]
            lost = [(at, _LOST) for at, _, answered in points if not answered]
            ax.scatter(*zip(*answered, strict=True) if answered else ((), ()), s=3, color=colour, linewidths=0)
            if lost:
                ax.scatter(*zip(*lost, strict=True), s=12, marker="x", color=colour, linewidths=0.8)
        ax.axvline(0, color="#888888", linewidth=0.8)
        ax.set_yscale("log")
        ax.set_ylim(_LOWEST / 1.5, _LOST * 2)
        ax.set_ylabel("ms")
        title = f"{TITLES[Event(event)]}: worst gap {trace['gap']:.0f} ms"
        title += f", newcomer's {trace['newcomer_gap']:.0f} ms" if "newcomer_gap" in trace else ""
        ax.set_title(title, fontsize=9, loc="left")
        ax.tick_params(labelsize=8)
    label = "ms since the event; each dot is a request on a new connection, each cross one without an answer; "
    axes[-1, 0].set_xlabel(label + "blue: a client that remembers the address, orange: one that asks first", fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=110)
    plt.close(figure)
