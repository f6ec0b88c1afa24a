"""The kernel's lists of TCP sockets: listeners, ports in use, and open connections."""

import os
import socket
from ipaddress import ip_address

import pytest

from hacluster.agent.system.tcp_sockets import (
    Connection,
    Listener,
    count_open,
    describe,
    find_ports_in_use,
    listeners,
    parse_connections,
    parse_sockets,
    read_connections,
    read_listeners,
)
from hacluster.nodeconfig import Port

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:0051 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 0100007F:0052 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 4 1 0 100 0 0 10 0
"""


def listener(address: str, port: int, protocol: str = "TCP", user: int = 0) -> Listener:
    return Listener(ip_address(address), port, protocol, user)


@pytest.mark.skipif(__import__("sys").byteorder != "little", reason="the table above is a little-endian machine's")
def test_listeners_are_read_from_the_table_of_the_kernel() -> None:
    assert listeners(parse_sockets(TABLE)) == {
        listener("127.0.0.1", 8081),
        listener("0.0.0.0", 80),
        listener("127.0.0.1", 82, user=33),
    }


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_real_listener_is_found(family: socket.AddressFamily) -> None:
    with socket.socket(family) as opened:
        opened.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        opened.listen()
        address, port = opened.getsockname()[:2]
        assert listener(address, port, user=os.getuid()) in read_listeners()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_real_receiver_of_udp_is_found(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        address, port = opened.getsockname()[:2]
        assert listener(address, port, "UDP", os.getuid()) in read_listeners()


@pytest.mark.parametrize(
    ("wanted", "listening", "in_use"),
    [
        (Port(port=80, field=""), ("0.0.0.0", 80), True),
        (Port(port=80, field=""), ("::", 80), True),
        (Port(port=80, field=""), ("10.0.0.1", 80), True),
        (Port(port=80, field=""), ("0.0.0.0", 81), False),
        (Port(port=80, field="", address="10.0.0.200"), ("10.0.0.1", 80), False),
        (Port(port=80, field="", address="10.0.0.200"), ("10.0.0.200", 80), True),
        (Port(port=80, field="", address="10.0.0.200"), ("0.0.0.0", 80), True),
    ],
)
def test_a_port_is_in_use_where_addresses_overlap(wanted: Port, listening: tuple[str, int], in_use: bool) -> None:
    assert bool(find_ports_in_use([wanted], [], {listener(*listening)})) is in_use


def test_ports_of_our_own_daemons_are_skipped() -> None:
    ports = [Port(port=80, field="a"), Port(port=443, field="b")]
    listening = {listener("0.0.0.0", 80), listener("0.0.0.0", 443)}
    assert [port.port for port, _ in find_ports_in_use(ports, [Port(port=80, field="old name")], listening)] == [443]
    assert len(find_ports_in_use(ports, [], listening)) == 2
    all_addresses, one_address = Port(port=80, field="a"), Port(port=80, field="a", address="10.0.0.200")
    assert find_ports_in_use([all_addresses], [one_address], {listener("10.0.0.1", 80)})  # the own port has one address only


def test_a_daemon_may_change_the_address_on_which_it_has_a_port() -> None:
    everywhere, virtual_ip = Port(port=80, field="a"), Port(port=80, field="a", address="10.0.0.200")
    assert not find_ports_in_use([virtual_ip], [everywhere], {listener("0.0.0.0", 80)})
    assert not find_ports_in_use([everywhere], [virtual_ip], {listener("10.0.0.200", 80)})
    assert find_ports_in_use([everywhere], [virtual_ip], {listener("10.0.0.200", 80), listener("10.0.0.1", 80)})
    apache = Port(port=80, field="b", address="10.0.0.200", user=33)
    assert find_ports_in_use(
        [everywhere], [apache], {listener("10.0.0.200", 80, user=33)}
    )  # another daemon has it until it reloads


@pytest.mark.parametrize(
    ("address", "protocol", "in_use"),
    [("127.0.0.1", "UDP", True), ("0.0.0.0", "UDP", False), ("127.0.0.1", "TCP", False), ("127.0.0.2", "UDP", False)],
)
def test_a_udp_port_is_in_use_where_another_program_has_the_same_address(address: str, protocol: str, in_use: bool) -> None:
    wanted = Port(port=514, field="", address="127.0.0.1", protocol="UDP")
    found = find_ports_in_use([wanted], [Port(port=514, field="", address="127.0.0.1")], {listener(address, 514, protocol)})
    assert bool(found) is in_use


def test_a_daemon_of_another_pod_is_told_by_its_user() -> None:
    wanted = Port(port=8081, field="spec.apache.port", address="10.0.0.1", user=33)
    assert not find_ports_in_use([wanted], [], {listener("10.0.0.1", 8081, user=33)})
    assert find_ports_in_use([wanted], [], {listener("10.0.0.1", 8081, user=0)})
    assert find_ports_in_use([wanted], [], {listener("0.0.0.0", 8081, user=1000)})


def test_the_message_names_port_field_listener_and_cure() -> None:
    message = describe(Port(port=80, field="spec.haproxy.listeners[0].port"), listener("::", 80))
    for part in ("port 80", "spec.haproxy.listeners[0].port", "[::]:80", "stop that program"):
        assert part in message


@pytest.mark.skipif(__import__("sys").byteorder != "little", reason="the lines below are a little-endian machine's")
def test_open_connections_of_an_address_are_counted() -> None:
    header = "  sl  local_address rem_address   st\n"
    lines = [
        "   0: C80710AC:0050 0D0710AC:CAFE 01 0",  # ESTABLISHED
        "   1: C80710AC:0050 0D0710AC:CAFF 06 0",  # TIME_WAIT
        "   2: 00000000:0050 00000000:0000 0A 0",  # LISTEN
        "   3: 990710AC:0050 0D0710AC:CAFE 01 0",  # another address
    ]
    assert count_open(parse_sockets(header + "\n".join(lines)), ["172.16.7.200"]) == 1


def test_connections_of_an_ipv6_socket_that_serves_ipv4_count_too() -> None:
    header = "  sl  local_address remote_address st\n"
    mapped = "0: 0000000000000000FFFF0000C80710AC:0050 0000000000000000FFFF0000990710AC:D431 01 \n"
    assert count_open(parse_sockets(header + mapped), ["172.16.7.200"]) == 1


def test_the_connections_of_an_address_and_port_are_found_whatever_their_state() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        found = {Connection("127.0.0.1", client.getsockname()[1], "127.0.0.1", port)}
        assert read_connections({"127.0.0.1"}, {port}) == found, "not the listener"
        assert read_connections({"127.0.0.2"}, {port}) == read_connections({"127.0.0.1"}, {port + 1}) == set()
        client.shutdown(socket.SHUT_WR)
        assert read_connections({"127.0.0.1"}, {port}) == found, "half closed"
        client.close()
        accepted.close()
        assert read_connections({"127.0.0.1"}, {port}) == set(), "TIME_WAIT"


def test_the_ipv4_clients_of_a_listener_for_both_families_are_found() -> None:
    line = "0: 0000000000000000FFFF0000C80710AC:0050 0000000000000000FFFF00000900000A:9C40 01 0:0 0:0 0 0 0 1"
    assert list(parse_connections(f"head\n{line}\n", {"172.16.7.200"}, {80})) == [
        Connection("10.0.0.9", 40000, "172.16.7.200", 80)
    ]
