"""What keepalived.conf tracks: scripts, processes and files, and what of it is the check of HAProxy that the operator makes.

A user's script cannot be carried over: it would run as root on the node. Those that only ask whether HAProxy runs become the check that
HAProxy answers, which says more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hacluster import names
from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.keepalived_syntax import Block

_PROCESS: Final = re.compile(
    r"(^|[\s/\"'])((killall5?|pkill)\s+(-0|-s\s*0|-[qs]*\s-0)|pidof(\s+-\S+)*|pgrep(\s+-\S+)*|systemctl(\s+-\S+)*\s+(is-active|status)(\s+-\S+)*|"
    r"service)\s+(/\S*/)?haproxy(\.service)?(\s|$|[\"'])"
)
_MORE: Final = re.compile(r"[;&|`]|\$\(")
"""Signs that a command does more than to ask."""
_LISTENS: Final = re.compile(
    r"/dev/tcp/(127\.0\.0\.1|localhost)/[0-9]+|"
    r"^\"?(\S*/)?(curl|wget|nc|ncat)\s.*(127\.0\.0\.1|localhost|\[?::1\]?)|"
    r"(^|/)(check|chk)[-_]?api[-_]?server\S*$"
)
"""Commands that ask whether something listens on this node; the last is the script of kubeadm's guide."""
_NAMED: Final = re.compile(
    r"\"?(/\S*/)?((check|chk)[-_]?haproxy|haproxy[-_]?(check|chk|health|alive))(\.(sh|py))?\"?", re.IGNORECASE
)
"""A script without arguments whose name says that it checks HAProxy."""
_KNOWN: Final = frozenset(
    {"script", "interval", "weight", "timeout", "fall", "rise", "user", "init_fail", "quorum", "delay", "process"}
)


@dataclass
class Check:
    """A tracked script or process that is carried over as the check of HAProxy."""

    directive: Directive
    interval: int
    """Milliseconds."""
    weight: int


Checks = dict[str, Check | None]
"""Name → check; None: it is lost."""


def checks_of(blocks: Iterable[Block], ledger: Ledger) -> Checks:
    """Name → check, of a node's `vrrp_script` and `vrrp_track_process` blocks. Other scripts are lost."""
    found: Checks = {}
    for block in blocks:
        kind = block.keyword
        if kind == "vrrp_script":
            check = _script(block, ledger)
        elif kind in ("vrrp_track_process", "track_process") and block.children:
            check = _process(block, ledger)
        elif kind in ("track_file", "vrrp_track_file") and block.children:
            _track_file(block, ledger)
            continue
        else:
            continue
        found[block.value] = check
    return found


def lose(block: Block, ledger: Ledger, *reason: str) -> None:
    """The block as a whole is lost: the lines inside it are not named one by one."""
    ledger.carried(*(each.directive for each in block.everything()))
    ledger.lost(block.directive, *reason)


def _script(block: Block, ledger: Ledger) -> Check | None:
    settings = {each.keyword: each for each in block.children}
    script = settings.get("script")
    command = " ".join(script.words[1:]) if script else ""
    if script is None or (reason := _reason(command)) is None:
        lose(block, ledger, f"no field: what the script does is not known here ({command.split(' ')[0] or 'none'})")
        return None
    if reason:
        ledger.noted(script.directive, reason)
    _ignore(block, ledger)
    return Check(block.directive, _milliseconds(settings, block, ledger), _number(settings.get("weight"), ledger))


def _reason(command: str) -> str | None:
    """The note about a script that is carried over; empty: it is the operator's own; None: it is not carried over."""
    if names.AGENT_ALIVE in command and names.HAPROXY_ADMIN_SOCKET in command:
        return ""
    if _PROCESS.search(command) and not _MORE.search(command.replace(">/dev/null", "").replace("2>&1", "")):
        return "now HAProxy has to answer: a process also exists while it hangs or ends"
    if _LISTENS.search(command):
        return "now HAProxy itself has to answer on each node; what is behind it counts only with vrrp.check.listeners"
    if _NAMED.fullmatch(command.strip()):
        return "now HAProxy has to answer; the script was not read: what else it does is left out"
    return None


def _process(block: Block, ledger: Ledger) -> Check | None:
    settings = {each.keyword: each for each in block.children}
    process = settings.get("process")
    if process is None or process.words[1:] != ("haproxy",):
        lose(block, ledger, "no field: other processes are not watched")
        return None
    ledger.noted(process.directive, "now HAProxy has to answer: a process also exists while it hangs or ends")
    _ignore(block, ledger)
    return Check(block.directive, 2000, _number(settings.get("weight"), ledger))


def _ignore(block: Block, ledger: Ledger) -> None:
    """Takes the settings of a script out of the account: how often it has to fail is the operator's own."""
    ledger.carried(block.directive)
    for each in block.children:
        if each.keyword in _KNOWN:
            ledger.carried(each.directive)
        else:
            lose(each, ledger)


def _track_file(block: Block, ledger: Ledger) -> None:
    path = next((each.value for each in block.children if each.keyword == "file"), "")
    if path.startswith(f"{names.RUN_DIR}/"):
        ledger.owned(*(each.directive for each in block.everything()))
    else:
        lose(block, ledger, "no field: files of your own are not watched")


def _milliseconds(settings: dict[str, Block], block: Block, ledger: Ledger) -> int:
    """The interval of a script. Without one it is a second."""
    text = settings["interval"].value if "interval" in settings else "1"
    seconds = float(text) if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", text) else 0.0
    if not 0.1 <= seconds <= 3600:
        ledger.lost(settings["interval"].directive, "must be from 0.1 to 3600 seconds")
        return 2000
    return round(seconds * 1000)


def _number(block: Block | None, ledger: Ledger) -> int:
    """A weight; without one it is 0."""
    if block is None:
        return 0
    if not re.fullmatch("[+-]?[0-9]{1,3}", block.value) or abs(int(block.value)) > 253:
        ledger.lost(block.directive, "must be a number from -253 to 253")
        return 0
    if block.words[2:]:
        ledger.lost(block.directive, part=" ".join(block.words[2:]))
    return int(block.value)


def tracked(block: Block, checks: Checks, ledger: Ledger) -> list[Check]:
    """The checks of HAProxy that a `track_script` or `track_process` block names. `weight N` after a name replaces the script's."""
    found: list[Check] = []
    ledger.carried(block.directive)
    for each in block.children:
        check = checks.get(each.keyword)
        ledger.carried(each.directive)
        if each.keyword not in checks:
            ledger.noted(each.directive, "there is no script or process of this name")
        if check is None:
            continue
        words, weight = each.words[1:], check.weight
        if words[:1] == ("weight",) and re.fullmatch("[+-]?[0-9]{1,3}", " ".join(words[1:2])):
            weight, words = int(words[1]), words[2:]
        if words:
            ledger.lost(each.directive, part=" ".join(words))
        found.append(Check(each.directive, check.interval, weight))
    return found
