"""keepalived's notifications and its dump."""

import itertools
import os
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.keepalived.notify import LineBuffer, Notification, derive, open_fifo, parse_notification
from hacluster.agent.keepalived.process import parse_dump
from hacluster.agent.state import Instance
from hacluster.agent.system.network import Address, Link, Network
from hacluster.api.status import VrrpState
from hacluster.nodeconfig import Router

TEXT = b'INSTANCE "VI_1" BACKUP 101\nGROUP "G" MASTER 0\nINSTANCE "VI_1" MASTER 101\n'


@given(st.lists(st.integers(0, len(TEXT))))
def test_lines_do_not_depend_on_where_they_are_cut(cuts: list[int]) -> None:
    lines, found = LineBuffer(), []
    edges = [0, *sorted(cuts), len(TEXT)]
    for start, end in itertools.pairwise(edges):
        found += lines.feed(TEXT[start:end])
    assert found == TEXT.decode().splitlines()


def test_half_a_line_waits_for_the_rest() -> None:
    lines = LineBuffer()
    assert lines.feed(b'INSTANCE "VI_1" MAS') == []
    assert lines.feed(b"TER 100\n") == ['INSTANCE "VI_1" MASTER 100']


def test_a_line_without_end_does_not_grow() -> None:
    lines = LineBuffer()
    for _ in range(100):
        lines.feed(b"x" * 1000)
        assert len(lines._rest) < 10_000
    assert lines.feed(b'\nINSTANCE "VI_1" FAULT 1\n')[-1] == 'INSTANCE "VI_1" FAULT 1'


@pytest.mark.parametrize(
    ("line", "notification"),
    [
        ('INSTANCE "VI_1" MASTER 100', Notification("VI_1", Instance(VrrpState.MASTER, 100))),
        ('INSTANCE "VI_1" BACKUP 90', Notification("VI_1", Instance(VrrpState.BACKUP, 90))),
        ('INSTANCE "VI_1" FAULT 90', Notification("VI_1", Instance(VrrpState.FAULT, 90))),
        ('INSTANCE "VI_1" STOP 90', Notification("VI_1", Instance(VrrpState.STOPPED, 0))),
        ('INSTANCE "VI_1" MASTER_RX_LOWER_PRI 90', Notification("VI_1", Instance(VrrpState.MASTER, 90))),
        ('INSTANCE "VI_1" BACKUP_PRIORITY 88', Notification("VI_1", Instance(VrrpState.BACKUP, 88))),
        ('INSTANCE "VI_1" DELETED', Notification("VI_1", None)),
        ('GROUP "G" MASTER 0', None),
        ('INSTANCE "VI_1" SOMETHING_NEW 1', None),
        ("", None),
    ],
)
def test_notices(line: str, notification: Notification | None) -> None:
    assert parse_notification(line) == notification


@given(st.text())
def test_no_line_upsets_the_parser(line: str) -> None:
    parse_notification(line)


def test_the_dump() -> None:
    dump = [
        {"data": {"iname": "VI_1", "state": 2, "effective_priority": 101}},
        {"data": {"iname": "VI_2", "state": 3, "effective_priority": 90}},
    ]
    expected = {"VI_1": Instance(VrrpState.MASTER, 101), "VI_2": Instance(VrrpState.FAULT, 90)}
    assert parse_dump(dump) == expected
    assert parse_dump({"vrrp": dump}) == expected


def test_a_silent_keepalived_is_master_where_its_address_is() -> None:
    router = Router(name="VI_1", interface="ens3", priority=101, virtual_router_id=51, virtual_ips=("10.0.0.200/24",))
    links = (Link(1, "lo"), Link(2, "ens3"))
    address = ip_interface("10.0.0.200/24")
    assert derive(router, Network(links, (Address(2, address),))).state is VrrpState.MASTER
    assert derive(router, Network(links, (Address(1, address),))).state is VrrpState.BACKUP


def test_the_fifo_is_made_and_never_ends(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    path.write_text("something that was in the way")
    descriptor = open_fifo(path)
    try:
        writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(writer, b"one\n")
        os.close(writer)
        assert os.read(descriptor, 100) == b"one\n"
        with pytest.raises(BlockingIOError):  # and not the empty read of an end
            os.read(descriptor, 100)
    finally:
        os.close(descriptor)
