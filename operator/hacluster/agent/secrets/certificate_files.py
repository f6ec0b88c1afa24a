"""The certificates that HAProxy reads: files in memory (the run directory), with mode 0600.

`config/install.py` offers, writes and commits them in its transaction, together with the configuration that names them. What HAProxy has
loaded stays until it has loaded something better: a Secret that is broken, gone or not to be read changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificates import BadCertificate, authorities_of, ends, pem_of
from hacluster.agent.secrets.source import Data
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.system.files import replace_private_file
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Certificate

EXPIRES_SOON: Final = timedelta(days=14)


@dataclass(frozen=True)
class _Wrong:
    reason: Reason
    why: str

    def about(self, certificate: Certificate, effect: str) -> NodeProblem:
        message = f"{certificate.field}: Secret {certificate.name}: {self.why}. {effect}"
        return NodeProblem(reason=self.reason, message=message)


class CertificateFiles:
    """Owns the directory of these files. Methods that read or write raise OSError."""

    def __init__(self, paths: Paths, store: SecretStore) -> None:
        self._folder, self._pending, self._scratch = paths.certificates, paths.certificates_pending, paths.certificate_scratch
        self._store = store
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._judged: dict[str, tuple[Data, str | _Wrong]] = {}
        """Name of each file → the Secret's data, and what it became, or why there is none."""
        self._good: Mapping[str, str] = self._read()
        """What HAProxy has loaded: name of each file → its text."""
        self._offered: Mapping[str, str] = dict(self._good)
        self._version = store.version
        """The store's, when `offer` looked at it last."""

    @property
    def changed(self) -> bool:
        """Whether a Secret is another one since the last offer."""
        return self._store.version != self._version

    @property
    def altered(self) -> bool:
        """Whether somebody else has changed the files."""
        return dict(self._read()) != dict(self._good)

    @property
    def to_load(self) -> bool:
        """Whether HAProxy has not loaded all that was offered: it is new, or the agent was killed before it knew."""
        return self._pending.exists() or any(self._good.get(name) != text for name, text in self._offered.items())

    def offer(self, config: AgentConfig) -> tuple[NodeProblem, ...]:
        """Makes the files of this configuration, for `write`. Returns what is missing: without it the configuration cannot be loaded."""
        self._version = self._store.version
        return self._offer(config)

    def offer_renewed(self, good: AgentConfig) -> bool:
        """The same for the configuration that HAProxy has loaded, while a newer one waits: a Secret that is another one since that was
        offered still counts as `changed`. Returns whether there is something to load.
        """
        return not self._offer(good) and self.to_load

    def _offer(self, config: AgentConfig) -> tuple[NodeProblem, ...]:
        found, missing = {}, []
        for each in config.certificates:
            made = self._make(each)
            if isinstance(made, str):
                found[each.file] = made
            elif each.file in self._good:
                found[each.file] = self._good[each.file]
            else:
                missing.append(made.about(each, "Until then the new configuration is not loaded; what runs goes on"))
        if not missing:
            self._offered = found
        return tuple(missing)

    def write(self) -> None:
        """Writes what was offered. The files of the good configuration stay: HAProxy may start with it."""
        if self.to_load:
            self._pending.touch()
            for name, text in self._offered.items():
                replace_private_file(self._folder / name, text)

    def commit(self) -> None:
        """HAProxy has loaded what was offered: other files are removed."""
        self._good = dict(self._offered)
        self._remove_others()
        self._pending.unlink(missing_ok=True)

    def restore(self) -> None:
        """Writes the files again that HAProxy has loaded, and removes all others."""
        for name, text in self._good.items():
            replace_private_file(self._folder / name, text)
        self._remove_others()
        self._pending.unlink(missing_ok=True)

    def problems(self, config: AgentConfig | None, now: datetime) -> tuple[NodeProblem, ...]:
        """What is wrong with the Secrets whose files HAProxy has loaded, and which certificates end soon."""
        found = []
        for each in config.certificates if config else ():
            if (text := self._good.get(each.file)) is None:
                continue
            made = self._make(each)
            if isinstance(made, _Wrong) and self._store.is_known(each.name):
                found.append(made.about(each, "The last good one stays in force"))
            # Authorities that are replaced stand beside their successors for a while: the last one counts.
            if (end := max(ends(text)) if each.authority else ends(text)[0]) - now < EXPIRES_SOON:
                word = "ended" if end <= now else "ends"
                message = f"{each.field}: Secret {each.name}: the certificate {word} at {end:%Y-%m-%d %H:%M} UTC; renew it"
                found.append(NodeProblem(reason=Reason.CERTIFICATE_EXPIRES, message=message))
        return tuple(found)

    def _make(self, certificate: Certificate) -> str | _Wrong:
        """The file of a Secret as it was last seen."""
        seen, file = self._store.get(certificate.name), certificate.file
        if seen.data is None:
            return _Wrong(seen.reason, seen.error)
        if file not in self._judged or self._judged[file][0] != seen.data:
            made: str | _Wrong
            try:
                made = authorities_of(seen.data) if certificate.authority else pem_of(seen.data, self._scratch)
            except BadCertificate as error:
                made = _Wrong(Reason.SECRET_INVALID, str(error))
            self._judged[file] = seen.data, made
        return self._judged[file][1]

    def _read(self) -> Mapping[str, str]:
        return {each.name: each.read_text() for each in self._files()}

    def _files(self) -> list[Path]:
        return [each for each in self._folder.iterdir() if not each.name.startswith(".")]

    def _remove_others(self) -> None:
        for each in self._files():
            if each.name not in self._good:
                each.unlink(missing_ok=True)
