"""How a server is chosen: `balance` and `cookie` of a listener or a route."""

from typing import Annotated, Final

from hacluster.api.base import Model, Rule
from hacluster.api.constraints import Text
from hacluster.api.types import Enumeration

UNIFORM_WEIGHTS: Final = (
    "balance First takes the first server that is up, whatever its weight; remove weight, or choose another balance"
)


class Balance(Enumeration):
    """How a listener chooses a server."""

    ROUND_ROBIN = "RoundRobin"
    LEAST_CONNECTIONS = "LeastConnections"
    SOURCE = "Source"
    URI = "URI"
    RANDOM = "Random"
    FIRST = "First"


class SameSite(Enumeration):
    """The cookie's SameSite attribute."""

    STRICT = "Strict"
    LAX = "Lax"
    NONE = "None"


class Cookie(Model):
    """Stickiness by an inserted cookie: a client returns to the server that it had, whichever node holds the virtual IP."""

    rules = (
        Rule(
            cel="!has(self.sameSite) || self.sameSite != 'None' || self.secure",
            message="browsers refuse SameSite=None without secure: true",
            holds=lambda c: c.same_site is not SameSite.NONE or c.secure,
            field="sameSite",
        ),
    )

    name: Annotated[str, Text("letters, digits, '_', '.' and '-', such as SERVERID", "^[A-Za-z0-9_.-]+$", 64)]
    """Name of the cookie; its value is the server's name."""
    secure: bool = False
    """Browsers send the cookie over TLS only."""
    http_only: bool = False
    """Scripts of a page cannot read the cookie."""
    same_site: SameSite | None = None
    """Whether browsers send the cookie with requests from other sites. Strict: never. Lax: when a link is followed. None: always (needs
secure). Default: no such attribute, browsers decide."""
