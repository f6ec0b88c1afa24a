"""Completes keepalived.conf by the password of a Secret, as soon as the files are read and before anything is done with them.

So everything that compares, validates, loads or takes back a keepalived.conf has the text that keepalived reads: a changed password is a
change of this file, and its last good copy has the last good password, also for an agent that starts while the API server is away.
Both files are in memory and may be read by root only.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from hacluster.agent.config.bundle import Bundle
from hacluster.agent.secrets.credentials import BadSecret
from hacluster.agent.secrets.passwords import password_of
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.vrrp.authentication import is_wanted, password_in, with_password
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Authentication, File

_VERSION: Final = 2
"""The version of VRRP that has authentication."""


class Passwords:
    """The passwords that there are, of Secrets as they were last seen."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def complete(self, new: Bundle, good: Bundle | None) -> tuple[Bundle, tuple[NodeProblem, ...]]:
        """The new files with the password, which is the one in the good files while the Secret cannot be used; and why there is none."""
        wanted, text = new.config.authentication, new.texts[File.KEEPALIVED]
        if wanted is None or not is_wanted(text):
            return new, ()
        found = self._password(wanted)
        if isinstance(found, NodeProblem):
            same = good is not None and good.config.authentication == wanted
            known = password_in(good.texts[File.KEEPALIVED]) if good is not None and same else ""
            if not known:
                effect = "Until then the new configuration is not loaded; what runs goes on"
                return new, (found.model_copy(update={"message": f"{found.message}. {effect}"}),)
            found = known
        return replace(new, texts={**new.texts, File.KEEPALIVED: with_password(text, found)}), ()

    def problems(self, config: AgentConfig | None, _: datetime) -> tuple[NodeProblem, ...]:
        """What is wrong with the Secret of the configuration that is loaded: it has a good password."""
        wanted = config.authentication if config and any(router.version == _VERSION for router in config.routers) else None
        if wanted is None or not self._store.is_known(wanted.name):
            return ()
        found = self._password(wanted)
        if isinstance(found, str):
            return ()
        return (found.model_copy(update={"message": f"{found.message}. The last good one stays in force"}),)

    def _password(self, wanted: Authentication) -> str | NodeProblem:
        seen = self._store.get(wanted.name)
        reason, why = seen.reason, seen.error
        if seen.data is not None:
            try:
                return password_of(seen.data, wanted.key)
            except BadSecret as error:
                reason, why = Reason.SECRET_INVALID, str(error)
        return NodeProblem(reason=reason, message=f"{wanted.field}: Secret {wanted.name}: {why}")
