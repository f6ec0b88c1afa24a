"""Reads the `vrrp_instance` and `global_defs` blocks of one node's keepalived.conf."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster import names
from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_values import is_address, number
from hacluster.importer.keepalived_scripts import Check, Checks, checks_of, lose, tracked
from hacluster.importer.keepalived_syntax import Block

_OWN: Final = frozenset(
    {
        "router_id",
        "enable_script_security",
        "script_user",
        "dynamic_interfaces",
        "fifo_write_vrrp_states_on_reload",
        "max_auto_priority",
    }
    | {
        "vrrp_notify_priority_changes",
        "vrrp_higher_prio_send_advert",
        "vrrp_lower_prio_no_advert",
        "vrrp_priority",
        "vrrp_no_swap",
    }
    | {"vrrp_rt_priority", "vrrp_rlimit_rttime", "vrrp_skip_check_adv_addr", "vrrp_iptables", "vrrp_ipsets", "vrrp_gna_interval"}
    | {"script_security", "use_symlink_paths", "process_names", "log_unknown_vrids", "vrrp_check_unicast_src", "instance"}
    | {
        "debug",
        "accept",
        "native_ipv6",
        "check_unicast_src",
        "skip_check_adv_addr",
        "higher_prio_send_advert",
        "lower_prio_no_advert",
    }
    | {"old_unicast_checksum", "vrrp_process_name", "notify_priority_changes", "preempt", "lvs_sync_daemon_interface"}
)
_OWN_STARTS: Final = ("garp_", "vrrp_garp_")
_MAIL: Final = (
    "notification_email",
    "notification_email_from",
    "smtp_server",
    "smtp_connect_timeout",
    "smtp_helo_name",
    "router_id",
)
_SUBJECTS: Final = {
    "virtual_server": "no field: HAProxy balances, not LVS",
    "real_server": "no field: HAProxy balances, not LVS",
}
_REASONS: Final = {
    **dict.fromkeys(
        ("notify", "notify_master", "notify_backup", "notify_fault"), "no field: the operator runs no scripts of users"
    ),
    **dict.fromkeys(
        ("notify_stop", "notify_deleted", "vrrp_notify_fifo_script"), "no field: the operator runs no scripts of users"
    ),
    **{"smtp_alert": "no field: the operator sends no mail", "smtp_alert_vrrp": "no field: the operator sends no mail"},
}


@dataclass
class VirtualIp:
    """One line of `virtual_ipaddress`."""

    directive: Directive
    address: str
    prefix: int | None
    device: str


@dataclass
class Instance:
    """A `vrrp_instance` of one node. A setting that is None is not in the file."""

    node: str
    name: str
    directive: Directive
    settings: dict[str, Block] = field(default_factory=dict)
    virtual_ips: list[VirtualIp] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    version: int = 2
    peers: Block | None = None

    def text(self, keyword: str) -> str:
        """The value of a setting; empty: it is not in the file."""
        block = self.settings.get(keyword)
        return block.value if block else ""

    def place_of(self, keyword: str) -> Directive:
        """The directive of a setting, else that of the instance."""
        return self.settings[keyword].directive if keyword in self.settings else self.directive

    @property
    def is_master(self) -> bool:
        """Whether it starts as MASTER."""
        return self.text("state").upper() == "MASTER"


def instances_of(node: str, blocks: Sequence[Block], ledger: Ledger) -> list[Instance]:
    """The instances of one node. Everything else in the file is owned, noted or lost."""
    mails = _sends_mail(blocks)
    version = 2
    for block in (each for each in blocks if each.keyword == "global_defs"):
        ledger.carried(block.directive)
        for each in block.children:
            version = _version(each, ledger) or version if each.keyword == "vrrp_version" else version
            _global(each, ledger, mails=mails)
    checks = checks_of(blocks, ledger)
    for block in blocks:
        if block.keyword in _SUBJECTS or block.keyword not in _READ:
            lose(block, ledger, *([_SUBJECTS[block.keyword]] if block.keyword in _SUBJECTS else []))
    return [_instance(node, block, checks, version, ledger) for block in blocks if block.keyword == "vrrp_instance"]


_READ: Final = frozenset(
    {"global_defs", "vrrp_instance", "vrrp_sync_group", "vrrp_script", "vrrp_track_process", "track_process", "track_file"}
    | {"vrrp_track_file"}
)


def _sends_mail(blocks: Iterable[Block]) -> bool:
    return any(each.keyword.startswith("smtp_alert") for block in blocks for each in block.everything())


def _is_own(keyword: str) -> bool:
    return keyword in _OWN or keyword.startswith(_OWN_STARTS)


def _global(block: Block, ledger: Ledger, *, mails: bool) -> None:
    own_fifo = block.keyword == "vrrp_notify_fifo" and block.value == names.NOTIFY_FIFO
    if block.keyword in _MAIL and not mails:
        ledger.owned(*(each.directive for each in block.everything()))  # without smtp_alert no mail is sent
    elif block.keyword == "vrrp_strict":
        ledger.noted(block.directive, "the operator's routers are not strict: that would forbid unicast peers and delays")
    elif block.keyword == "vrrp_version" or own_fifo or _is_own(block.keyword):
        ledger.owned(*(each.directive for each in block.everything()))
    else:
        lose(block, ledger, *_reason(block.keyword))


def _reason(keyword: str) -> list[str]:
    return [_REASONS[keyword]] if keyword in _REASONS else []


def _version(block: Block, ledger: Ledger) -> int | None:
    version = number(block.value, 2, 3)
    if version is None:
        ledger.lost(block.directive, "must be 2 or 3")
    return version


def _instance(node: str, block: Block, checks: Checks, version: int, ledger: Ledger) -> Instance:
    found = Instance(node, block.value, block.directive, version=version)
    ledger.carried(block.directive)
    for each in sorted(block.children, key=lambda each: each.keyword == "authentication"):  # last: it depends on the rest
        if reader := _READERS.get(each.keyword):
            reader(found, each, checks, ledger)
        elif each.keyword in _SETTINGS:
            ledger.carried(each.directive)
            found.settings[each.keyword] = each
        elif _is_own(each.keyword):
            ledger.owned(*(inner.directive for inner in each.everything()))
        else:
            lose(each, ledger, *_reason(each.keyword))
    return found


_SETTINGS: Final = frozenset(
    {"state", "interface", "virtual_router_id", "priority", "advert_int", "nopreempt", "preempt_delay", "unicast_src_ip"}
)


def _virtual_ips(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    ledger.carried(block.directive)
    for each in block.children:
        address, _, length = each.keyword.partition("/")
        prefix = number(length, 1, 128) if length else None
        if not is_address(address) or (length and prefix is None):
            ledger.lost(each.directive, "it is no IP address")
            continue
        ledger.carried(each.directive)
        found.virtual_ips.append(VirtualIp(each.directive, address, prefix, _device(each, ledger)))


def _device(block: Block, ledger: Ledger) -> str:
    """The interface that a virtual IP's line names; empty: it names none."""
    device = ""
    rest = iter(block.words[1:])
    for word in rest:
        value = next(rest, "")
        if word == "dev":
            device = value
        elif (word, value) not in {("scope", "global"), ("preferred_lft", "0")} and word not in (
            "brd",
            "broadcast",
        ):
            ledger.lost(block.directive, part=f"{word} {value}".strip())
    return device


def _peers(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    ledger.carried(*(each.directive for each in block.everything()))
    found.peers = block


def _track(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    found.checks += tracked(block, checks, ledger)


def _track_files(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    """Files that are not the operator's are lost where they are defined."""
    ledger.carried(*(each.directive for each in block.everything()))


def _authentication(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    ledger.carried(block.directive)
    for each in block.children:
        if found.version == 3:
            ledger.noted(each.directive, "it had no effect: VRRP version 3 has no authentication")
        elif each.keyword == "auth_pass" or each.words == ("auth_type", "PASS"):
            found.settings[each.keyword] = each  # keepalived_authentication.py decides
        else:
            lose(each, ledger)


def _own_version(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    ledger.carried(block.directive)
    found.version = _version(block, ledger) or found.version


def _source(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    ledger.noted(block.directive, "advertisements come from the address of the interface")


def _fault(found: Instance, block: Block, checks: Checks, ledger: Ledger) -> None:
    ledger.noted(block.directive, "a node whose interface is down is in FAULT")


_READERS: Final[dict[str, Callable[[Instance, Block, Checks, Ledger], None]]] = {
    **{"virtual_ipaddress": _virtual_ips, "unicast_peer": _peers, "track_script": _track, "track_process": _track},
    **{"track_file": _track_files, "authentication": _authentication, "version": _own_version},
    **{"mcast_src_ip": _source, "dont_track_primary": _fault},
}
