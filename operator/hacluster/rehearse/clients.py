"""Runs the two measuring clients on their hosts, and reads what they recorded.

One remembers who has the virtual IP, as every host does that has spoken with it. The other asks before each request (`newcomer.py`): it
notices when nobody has the address although the old holder still serves whoever remembers it.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster.rehearse.authority import Authority
from hacluster.rehearse.connections import Target
from hacluster.rehearse.hosts import Host
from hacluster.rehearse.measure import Records, parse_records

NEWCOMER_INTERVAL: Final = 0.01
"""Seconds between two requests of the client that asks before each."""
_START_TIMEOUT: Final = 10.0
_STOP_TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class Clients:
    """Both clients of a lab; `folder` is the lab's, where their records are."""

    client: Host
    newcomer: Host
    folder: Path

    @contextmanager
    def running(self, target: Target | tuple[str, int], every: float = 0.005, connections: int = 0) -> Iterator[None]:
        """While the block runs, both send requests to the target (an address and a port), and their records begin anew.

        `every`: seconds between two requests of the one that remembers; it has so many long-lived `connections` as well.
        """
        for file in self.files:
            file.write_text("")
        words = Target(*target).words(Authority(self.folder).certificate)
        program = ["nice", "-n", "-15", sys.executable, "-m", "hacluster.rehearse.client", target[0], str(target[1])]
        running = (
            self.client.start("client", [*program, str(every), str(connections), str(self.files[0]), *words]),
            self.newcomer.start("client", [*program, str(NEWCOMER_INTERVAL), "0", str(self.files[1]), "newcomer", *words]),
        )
        try:
            self._wait_for_start()
            yield
        finally:
            for each in running:
                each.terminate(_STOP_TIMEOUT)

    def _wait_for_start(self) -> None:
        """Waits until both have recorded something: on a busy machine it takes them a second to start."""
        until = time.monotonic() + _START_TIMEOUT
        while not all(file.stat().st_size for file in self.files) and time.monotonic() < until:
            time.sleep(0.02)

    @property
    def records(self) -> Records:
        """Everything that the client that remembers has recorded since it was started last."""
        return parse_records(self.files[0].read_text().splitlines())

    @property
    def newcomer_records(self) -> Records:
        """The same of the client that asks before each request."""
        return parse_records(self.files[1].read_text().splitlines())

    @property
    def files(self) -> tuple[Path, Path]:
        """The files to which the two append: of the one that remembers, and of the one that asks."""
        return self.folder / "records", self.folder / "newcomer-records"
