"""The HTTP connections of the Kubernetes library and of kopf, with sockets that notice dead connections (`sockets.py`)."""

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from hacluster.kube.sockets import Sockets


class RestClient(RESTClientObject):  # type: ignore[misc] # the library has no types
    """The library's connection pool, with sockets that notice dead connections."""

    def __init__(self, configuration: Configuration, sockets: Sockets) -> None:
        super().__init__(configuration)
        self._sockets = sockets

    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=self.maxsize, ssl=self.ssl_context, socket_factory=self._sockets.make)


async def watch_session(configuration: Configuration, sockets: Sockets) -> aiohttp.ClientSession:
    """An HTTP session with the same credentials, for kopf's watches: as many connections as it needs, all of them of `sockets`."""
    found = configuration.get_api_key_with_prefix("BearerToken")
    bearer = str((await found if hasattr(found, "__await__") else found) or "")
    context = RESTClientObject(configuration).ssl_context
    connector = aiohttp.TCPConnector(limit=0, ssl=context, socket_factory=sockets.make)
    return aiohttp.ClientSession(connector=connector, headers={"Authorization": bearer} if bearer else {})
