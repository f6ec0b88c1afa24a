"""The endpoints of Services, as the state has them now, for those who write haproxy.cfg, count servers, or change them."""

from collections.abc import Mapping

from hacluster.agent.services.endpoints import Endpoints, circles, endpoints_of
from hacluster.agent.services.lines import with_servers
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig


class EndpointLines:
    """What follows from the Services that were last seen."""

    def __init__(self, state: AgentState) -> None:
        self._state = state

    def endpoints(self, config: AgentConfig) -> Mapping[str, Endpoints]:
        """Proxy → its endpoints, for each proxy of the configuration that has a Service."""
        if not config.services:
            return {}
        now = self._state.now
        own = {str(each.interface.ip) for each in now.network.addresses} if now.network else set()
        is_circle = circles(config, own)
        return {
            proxy: endpoints_of(service, now.services.get(service.title), is_circle) for proxy, service in config.services.items()
        }

    def complete(self, text: str, config: AgentConfig) -> str:
        """haproxy.cfg of this configuration with a `server` line for each endpoint in use."""
        return with_servers(text, config.services, self.endpoints(config)) if config.services else text

    def all_known(self, config: AgentConfig) -> bool:
        """Whether every Service of the configuration has been seen."""
        return all(service.title in self._state.now.services for service in config.services.values())
