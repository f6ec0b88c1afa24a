"""Plays events on a running lab, each so many times, and keeps what the clients saw around the worst trial of each."""

from collections.abc import Callable, Mapping

from hacluster.rehearse.events import Event, Trial
from hacluster.rehearse.faults import FaultInjector
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.summary import Trace, trace


def play(
    lab: Lab, injector: FaultInjector, trials: Mapping[Event, int], progress: Callable[[str], None]
) -> tuple[list[Trial], dict[Event, Trace]]:
    """All trials, and for each event the requests around its worst one.

    `trials`: how often each event is played, in this order; `progress` is told what begins.
    """
    done: list[Trial] = []
    worst: dict[Event, Trace] = {}
    for number, (event, count) in enumerate(trials.items(), 1):
        for turn in range(1, count + 1):
            progress(f"{number}/{len(trials)} {event.value} {turn}/{count}")
            for trial in injector.run_event(event):
                done.append(trial)
                if trial.event not in worst or trial.measured.gap > worst[trial.event].gap:
                    worst[trial.event] = trace(trial, lab.clients, trial.ended)
    return done, worst
