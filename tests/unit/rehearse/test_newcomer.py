"""`newcomer.py`: the questions before each request, and which packets count as an answer."""

import struct

from hacluster.rehearse.newcomer import advertised, arp_answer, arp_question, solicitation, solicited_node

VIP, VIP6 = "172.16.7.200", "2001:db8:16::200"
MAC, OTHER = bytes.fromhex("02004e000001"), bytes.fromhex("02004e000002")


def reply(address: str, operation: int = 2) -> bytes:
    """An ARP packet in which the host with `MAC` claims the address."""
    packed = bytes(map(int, address.split(".")))
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, MAC, packed, OTHER, bytes([172, 16, 7, 10]))


def test_the_question_has_a_sender_and_is_no_duplicate_address_probe() -> None:
    question = arp_question(VIP, "172.16.7.10", MAC)
    assert len(question) == 28 and question[8:14] == MAC
    assert question[14:18] == bytes([172, 16, 7, 10]) and question[24:28] == bytes([172, 16, 7, 200])
    assert arp_answer(question, VIP) == b"", "a question is no answer"


def test_an_answer_counts_for_its_own_address_only_and_a_gratuitous_one_counts() -> None:
    assert arp_answer(reply(VIP), VIP) == MAC
    assert arp_answer(reply(VIP, operation=1), VIP) == MAC
    assert arp_answer(reply("172.16.7.201"), VIP) == b""
    assert arp_answer(reply(VIP)[:20], VIP) == b"" and arp_answer(b"", VIP) == b""


def test_an_ipv6_address_is_asked_for_in_the_group_of_its_last_three_bytes() -> None:
    assert solicited_node("2001:db8::12:3456") == "ff02::1:ff12:3456"
    packet = solicitation(VIP6, MAC)
    assert packet[0] == 135 and packet[8:24].hex().endswith("0200") and packet[24:] == b"\x01\x01" + MAC


def test_an_advertisement_counts_for_its_own_address_and_names_the_mac_address_in_its_option() -> None:
    target = solicitation(VIP6, MAC)[8:24]
    head = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + target
    assert advertised(head + b"\x0e\x01abcdef" + b"\x02\x01" + MAC, VIP6) == MAC, "the option is not the first one"
    assert advertised(head, VIP6) == b""
    assert advertised(head + b"\x02\x00" + MAC, VIP6) == b"", "an option of length 0 ends the list"
    assert advertised(head + b"\x02\x01" + MAC, "2001:db8:16::201") == b""
