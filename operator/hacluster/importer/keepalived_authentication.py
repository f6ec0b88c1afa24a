"""`authentication` of keepalived.conf files as `spec.vrrp.authenticationSecret`. A password is never shown."""

import re
from collections.abc import Sequence
from typing import Any, Final

from hacluster import names
from hacluster.api.vrrp import LONGEST_PASSWORD, OTHER_PASSWORD_CHARACTERS, is_password
from hacluster.importer.findings import Ledger
from hacluster.importer.keepalived_instances import Instance

_SECRET: Final = "vrrp"  # noqa: S105 - a name
_MARKER: Final = re.compile(
    re.escape(names.authentication_marker("SECRET", "KEY")).replace("SECRET", r"(?P<name>\S+)").replace("KEY", r"(?P<key>\S+)")
)
"""What the operator's own keepalived.conf has in place of the password."""


def authentication_fields(instances: Sequence[Instance], texts: Sequence[str], version: int, ledger: Ledger) -> dict[str, Any]:
    """The field, where the instances of version 2 have one password. `texts`: the files; `version`: the resource's."""
    marked = next((found for text in texts if (found := _MARKER.search(text))), None)
    if marked:
        return {"authenticationSecret": marked.groupdict()}
    old = [each for each in instances if each.version == version == 2 and not _is_ipv6(each)]
    having = [each for each in old if _password(each)]
    for each in instances:
        _report_unused(each, ledger)
    for each in old:
        if having and _password(each) != _password(having[0]):
            ledger.lost(
                each.place_of("auth_pass"),
                f"differs from {having[0].place_of('auth_pass').place}: no field for different passwords",
            )
    for each in having:
        ledger.carried(each.place_of("auth_type"), each.place_of("auth_pass"))
    if not having:
        return {}
    ledger.noted(having[0].place_of("auth_pass"), _cure(having[0].text("auth_pass")))
    return {"authenticationSecret": {"name": _SECRET}}


def _password(instance: Instance) -> str:
    """What keepalived sends: it needs both, and cuts a longer password. Empty: it sends none."""
    return instance.text("auth_pass")[:LONGEST_PASSWORD] if instance.text("auth_type") else ""


def _is_ipv6(instance: Instance) -> bool:
    """Whether it is of version 3, whatever the file says: keepalived has no other for IPv6."""
    return any(":" in each.address for each in instance.virtual_ips)


def _report_unused(instance: Instance, ledger: Ledger) -> None:
    for keyword, other in (("auth_type", "auth_pass"), ("auth_pass", "auth_type")):
        if instance.text(keyword) and _is_ipv6(instance):
            ledger.noted(instance.place_of(keyword), "it had no effect: VRRP version 3 has no authentication")
        elif instance.text(keyword) and not instance.text(other):
            ledger.noted(instance.place_of(keyword), f"it had no effect without {other}")


def _cure(password: str) -> str:
    """How to make the Secret."""
    cure = f"make the Secret: kubectl create secret generic {_SECRET} --from-literal=password=PASSWORD"
    if len(password) > LONGEST_PASSWORD:
        cure += f"; of this password keepalived used the first {LONGEST_PASSWORD} characters only, and they are the value"
    if not is_password(password[:LONGEST_PASSWORD]):
        cure += f"; choose another password, of letters, digits and {OTHER_PASSWORD_CHARACTERS}"
    return cure
