"""The kernel's lists of TCP sockets: listeners, ports in use, and open connections."""

import errno
import os
import socket
from ipaddress import ip_address

import pytest

from hacluster.agent.system import proc_net, socket_diag
from hacluster.agent.system.socket_diag import ESTABLISHED, TcpSocket, parse
from hacluster.agent.system.tcp_sockets import (
    Connection,
    Listener,
    connections,
    count_open,
    describe,
    find_ports_in_use,
    read_connections,
    read_listeners,
    read_open,
)
from hacluster.nodeconfig import Port


def listener(address: str, port: int, protocol: str = "TCP", user: int = 0) -> Listener:
    return Listener(ip_address(address), port, protocol, user)


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


def tcp(address: str, port: int = 80, peer: str = "10.0.0.9", peer_port: int = 40000) -> TcpSocket:
    return TcpSocket(ip_address(address), port, ESTABLISHED, 0, ip_address(peer), peer_port)


def test_open_connections_of_an_address_are_counted() -> None:
    sockets = [tcp("172.16.7.200"), tcp("172.16.7.153"), tcp("::ffff:172.16.7.200")]
    assert count_open(sockets, ["172.16.7.200"]) == 2


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
    sockets = [tcp("::ffff:172.16.7.200", peer="::ffff:10.0.0.9"), tcp("172.16.7.201")]
    assert list(connections(sockets, {"172.16.7.200"})) == [Connection("10.0.0.9", 40000, "172.16.7.200", 80)]


def test_open_connections_are_those_of_both_families_without_listeners_and_time_wait() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert [each for each in read_open() if each.port == port] == []
        client = socket.create_connection(("::1", port))
        accepted, _ = server.accept()
        [found] = [each for each in read_open() if each.port == port]
        assert (found.address, found.peer, found.peer_port) == (ip_address("::1"), ip_address("::1"), client.getsockname()[1])
        client.close()
        accepted.close()
        assert [each for each in read_open() if each.port == port] == []


def test_a_connection_in_its_handshake_counts() -> None:
    """A client whose last packet of the handshake has not arrived: the kernel answers each SYN, and there is no accept queue left."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        clients = [socket.socket() for _ in range(4)]
        for each in clients:
            each.setblocking(False)
            each.connect_ex(address)
        found = {each.client_port for each in read_connections({"127.0.0.1"}, {address[1]})}
        for each in clients:
            each.close()
    assert found


def test_an_answer_that_is_cut_off_is_no_socket() -> None:
    assert parse(b"\x02\x01") is None


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:0052 0A00000A:C000 01 00000000:00000000 00:00000000 00000000    33        0 4 1 0 100 0 0 10 0
   2: 0100
"""


@pytest.mark.skipif(__import__("sys").byteorder != "little", reason="the table above is a little-endian machine's")
def test_sockets_are_read_from_the_table_of_the_kernel() -> None:
    assert list(proc_net.parse(TABLE)) == [
        TcpSocket(ip_address("127.0.0.1"), 8081, 10, 0, ip_address("0.0.0.0"), 0),
        TcpSocket(ip_address("127.0.0.1"), 82, 1, 33, ip_address("10.0.0.10"), 49152),
    ]


def test_a_kernel_without_sock_diag_has_the_same_sockets_in_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(**_: object) -> socket.socket:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        before = read_listeners(), read_connections({"127.0.0.1"}, {port})
        monkeypatch.setattr(socket_diag, "open_socket", missing)
        assert (read_listeners(), read_connections({"127.0.0.1"}, {port})) == before
        client.close()
