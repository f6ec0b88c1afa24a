"""What HAProxy's master answers about the file that the worker has read. The answers are HAProxy 3.0.11's."""

import json
from pathlib import Path

from hacluster.agent.haproxy.loaded import kept_lines, lines_command, parse_lines, parse_worker, ports
from hacluster.nodeconfig import Port

CASES = Path(__file__).parents[3] / "golden/cases"
"""Files as the operator writes them."""
TEXT = "# a comment\n\nglobal\n    maxconn 10\n\tnbthread 1\nfrontend x\n    # another\n    acl configuration path -f opt@/run/h.cfg\n"
ANSWER = (
    "0x7f0cdde29540 global\n0x7f0cdde30e40 maxconn 10\n0x7f0cdde41280 nbthread 1\n0x7f0cdde41281 frontend x\n"
    "0x7f0cdde41581 # another\n0x7f0cdde24320 acl configuration path -f opt@/run/h.cfg\n\n"
)
PROCESSES = """\
#<PID>          <type>          <reloads>       <uptime>        <version>
23              master          2 [failed: 1]   0d00h00m01s     3.0.11-1+deb13u5
# workers
46              worker          1               0d00h00m00s     3.0.11-1+deb13u5
# old workers
26              worker          2               0d00h00m01s     3.0.11-1+deb13u5
# programs

"""


def test_the_lines_that_a_worker_has_read_are_those_of_its_file() -> None:
    assert parse_lines(ANSWER) == kept_lines(TEXT)
    assert parse_lines(ANSWER.replace("maxconn 10", "maxconn 11")) != kept_lines(TEXT)


def test_a_worker_of_a_foreign_file_has_read_none_of_them() -> None:
    assert parse_lines("Unknown ACL identifier. Please use #<id> or <file>.\n\n") == ()


def test_no_answer_is_told_from_an_empty_file() -> None:
    assert parse_lines("") is None and parse_lines("Can't find the target PID\n") is None


def test_the_file_is_asked_for_by_the_name_that_the_configuration_gives_it() -> None:
    assert lines_command(TEXT) == "@1 show acl /run/h.cfg"
    assert lines_command("global\n") is None, "an older operator's file"


def test_the_current_worker_is_told_from_old_ones() -> None:
    assert parse_worker(PROCESSES) == 46
    assert parse_worker("#<PID> ...\n# workers\n# old workers\n26   worker  2\n") is None


def test_the_ports_that_a_worker_listens_on_are_in_its_lines() -> None:
    text = """
listen any
    bind *:80 transparent
    bind [::]:80 v6only transparent
listen one
    bind 192.0.2.10:443 transparent ssl crt /run/x:1 alpn h2,http/1.1
    bind [fe80::10]:443 interface eth0 transparent
    server a 10.0.0.1:8081
frontend health
    bind unix@/run/hacluster/haproxy-health.sock mode 600
"""
    found = {(each.address, each.port) for each in ports(kept_lines(text))}
    assert found == {("", 80), ("192.0.2.10", 443), ("fe80::10", 443)}


def test_every_port_that_the_operator_has_haproxy_listen_on_is_read_from_haproxy_cfg() -> None:
    """haproxy.cfg and agent.json name the same ports in every golden case: the agent compares the one with the other."""
    for case in sorted(CASES.glob("*/expected/*/haproxy.cfg")):
        wanted = json.loads(case.with_name("agent.json").read_text())["ports"]
        read = {(each.port, each.address) for each in ports(kept_lines(case.read_text()))}
        assert read == {(each.port, each.address) for each in map(Port.model_validate, wanted)}, case
