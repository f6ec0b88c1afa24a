"""Parsing keepalived's notifications and its dump, and opening the FIFO."""

import itertools
import os
from ipaddress import ip_interface
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.keepalived.notify import LineBuffer, Notification, infer_instance, open_fifo, parse_notification
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


def test_an_incomplete_line_waits_for_the_rest() -> None:
    lines = LineBuffer()
    assert lines.feed(b'INSTANCE "VI_1" MAS') == []
    assert lines.feed(b"TER 100\n") == ['INSTANCE "VI_1" MASTER 100']


def test_a_line_without_end_is_dropped() -> None:
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
def test_a_notification_is_parsed(line: str, notification: Notification | None) -> None:
    assert parse_notification(line) == notification


@given(st.text())
def test_no_line_makes_the_parser_raise(line: str) -> None:
    parse_notification(line)


def test_the_dump_is_parsed_with_and_without_an_outer_object() -> None:
    dump = [
        {"data": {"iname": "VI_1", "state": 2, "effective_priority": 101}},
        {"data": {"iname": "VI_2", "state": 3, "effective_priority": 90}},
    ]
    expected = {"VI_1": Instance(VrrpState.MASTER, 101), "VI_2": Instance(VrrpState.FAULT, 90)}
    assert parse_dump(dump) == expected
    assert parse_dump({"vrrp": dump}) == expected


def test_without_a_dump_the_node_with_the_address_is_master() -> None:
    router = Router(name="VI_1", interface="ens3", priority=101, virtual_router_id=51, virtual_ips=("10.0.0.200/24",))
    links = (Link(1, "lo"), Link(2, "ens3"))
    address = ip_interface("10.0.0.200/24")
    assert infer_instance(router, Network(links, (Address(2, address),))).state is VrrpState.MASTER
    assert infer_instance(router, Network(links, (Address(1, address),))).state is VrrpState.BACKUP


def test_the_fifo_is_created_and_never_reaches_its_end(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    path.write_text("a regular file in the place of the FIFO")
    descriptor = open_fifo(path)
    try:
        writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(writer, b"one\n")
        os.close(writer)
        assert os.read(descriptor, 100) == b"one\n"
        with pytest.raises(BlockingIOError):  # not an empty read, which would mean the end
            os.read(descriptor, 100)
    finally:
        os.close(descriptor)
