"""Exponential backoff: how long to wait before the next try. Pure."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """Waits that double from `first` up to `most` seconds."""

    first: float
    most: float
    _step: int = 0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        wait = min(self.most, self.first * 2.0**self._step)
        if wait < self.most:
            self._step += 1
        return wait

    def reset(self) -> None:
        """Begins again with `first`: called after a success."""
        self._step = 0
