"""kopf's part: it watches, and every event goes straight into the cache. No finalizer, annotation or Event of kopf's own."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from hacluster import names
from hacluster.control.informer import Informer
from hacluster.kube.client import Object, connect
from hacluster.kube.kinds import OURS, WATCHED, Kind

log = logging.getLogger(__name__)


class _Patience:
    """Delays between tries of a failed request, in seconds, without end: an API server that is away is no reason to crash."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.5, 1, 2, 4)
        while True:
            yield 8


def settings() -> kopf.OperatorSettings:
    """Kopf only watches: it stores nothing on anybody's objects, and posts nothing."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.peering.standalone = True
    made.scanning.disabled = True  # the kinds are fixed; so the operator needs no rights on CRDs and namespaces
    made.networking.error_backoffs = _Patience()
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 10
    made.watching.reconnect_backoff = 0.5
    made.queueing.idle_timeout = 2
    made.persistence.finalizer = f"{names.GROUP}/unused"
    made.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=names.GROUP)
    made.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=names.GROUP)
    for kind in WATCHED:
        if kind.ours:
            made.watching.label_selectors[(kind.group, kind.version, kind.plural)] = OURS
    return made


def registry(informer: Informer) -> kopf.OperatorRegistry:
    """One doorbell for each kind, and how to log in."""
    made = kopf.OperatorRegistry()
    for kind in WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, id=f"watch-{kind.plural}", registry=made)(_handler(kind, informer))
    kopf.on.login(registry=made)(_login)
    return made


def _handler(kind: Kind, informer: Informer) -> Callable[..., Any]:
    async def handle(event: Any, **_: Any) -> None:
        try:
            raw: Object = event["object"]
            if event["type"] == "DELETED":
                informer.remove(kind, raw)
            else:
                informer.put(kind, raw)
        except Exception:
            log.exception("%s event was not understood", kind.name)  # the next listing brings what was missed

    return handle


async def _login(**_: Any) -> kopf.ConnectionInfo:
    """The same connection as the client's."""
    configuration = await connect()
    bearer = (await _bearer(configuration)).split(" ", 1)
    scheme, token = bearer if len(bearer) == 2 else ("", "")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme.capitalize() or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )


async def _bearer(configuration: Any) -> str:
    found = configuration.get_api_key_with_prefix("BearerToken")
    value = await found if hasattr(found, "__await__") else found
    return str(value or "")
