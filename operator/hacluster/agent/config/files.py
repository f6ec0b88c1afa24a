"""The configuration files in the run directory: those that the daemons read, and the copies of the good ones.

`install.Installer` decides when they are written. haproxy.cfg gets the endpoints of Services at each writing, and `refresh` keeps them
current between two of them.
"""

from pathlib import Path

from hacluster.agent.config.bundle import Bundle, Complete
from hacluster.agent.paths import Paths
from hacluster.agent.services.lines import without_servers
from hacluster.agent.system.files import replace_file, replace_private_file
from hacluster.nodeconfig import File


def replace_config(file: File, path: Path, text: str) -> None:
    """Writes a daemon's file, or a copy of it. keepalived.conf may have a password: only root may read it. Raises OSError."""
    (replace_private_file if file is File.KEEPALIVED else replace_file)(path, text)


class ConfigFiles:
    """Writes the files. All methods raise OSError."""

    def __init__(self, paths: Paths, complete: Complete) -> None:
        self._paths, self._complete = paths, complete
        self.written: Bundle | None = None
        """What the daemons' files are made of; None: not known."""
        self.loading = False
        """Whether HAProxy is being told to load its file."""

    def text(self, bundle: Bundle, file: File) -> str:
        """The file as the daemon reads it."""
        text = bundle.texts[file]
        return self._complete(text, bundle.config) if file is File.HAPROXY else text

    def write(self, bundle: Bundle) -> None:
        """Installs all live files, each by a rename. rsyslog.conf is optional: it is removed where the bundle has none."""
        self.written = bundle
        for file in File:
            live = self._paths.live(file)
            if file in bundle.texts:
                replace_config(file, live, self.text(bundle, file))
            elif file is File.RSYSLOG:
                live.unlink(missing_ok=True)

    def refresh(self) -> None:
        """Writes the present endpoints of Services into the installed haproxy.cfg, for HAProxy's next process.

        A file that somebody else has changed is left to `Installer.find_deviations`.
        """
        if self.written is None:
            return
        live = self._paths.live(File.HAPROXY)
        present, wanted = live.read_text(), self.text(self.written, File.HAPROXY)
        if present != wanted and without_servers(present) == self.written.texts[File.HAPROXY]:
            replace_file(live, wanted)

    def commit(self, bundle: Bundle) -> None:
        """Makes the bundle the good one. agent.json is last: its revision is good only when all other files are written."""
        for file, text in bundle.texts.items():
            if file is not File.AGENT:
                replace_config(file, self._paths.good(file), text)
        if File.RSYSLOG not in bundle.texts:
            self._paths.good(File.RSYSLOG).unlink(missing_ok=True)
        replace_file(self._paths.good(File.AGENT), bundle.texts[File.AGENT])
