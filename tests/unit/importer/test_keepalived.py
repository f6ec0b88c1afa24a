"""`vrrp_instance`s of several nodes as virtual routers: addresses, priorities, what has to be alike."""

from ipaddress import ip_interface

import pytest

from tests.unit.importer.helpers import ROUTER, lines, lost, node, of_keepalived, spec


def test_instances_of_one_name_are_one_router() -> None:
    imported = of_keepalived(node(101), node(100), node(99))
    assert spec(imported)["nodes"] == [{"name": f"node{number}", "priority": 102 - number} for number in (1, 2, 3)]
    assert spec(imported)["virtualRouters"] == [
        {"name": "VI_1", "virtualIPs": ["10.0.0.100/24"], "virtualRouterID": 51, "interface": "eth0"}
    ]
    assert spec(imported)["vrrp"] == {"version": 2, "advertisementInterval": "1s", "check": {"weight": 2}}
    assert lines(imported) == []


def test_another_name_with_the_same_id_is_the_same_router() -> None:
    imported = of_keepalived(node(101), node(100).replace("VI_1", "other"))
    assert len(spec(imported)["virtualRouters"]) == 1
    assert lines(imported) == [
        "note: node2.conf:7: vrrp_instance other: the virtual router VI_1: it has the same virtual_router_id"
    ]


def test_two_instances_of_a_node_with_one_id_are_no_two_routers() -> None:
    imported = of_keepalived(ROUTER + ROUTER.replace("VI_1", "VI_2"))
    assert len(spec(imported)["virtualRouters"]) == 1
    assert lost(imported) == ["node1.conf:25: vrrp_instance VI_2: node node1 has this virtual router already"]


def test_an_instance_that_a_node_does_not_have_is_a_note() -> None:
    other = ROUTER.replace("VI_1", "VI_2").replace(" 51", " 52").replace("10.0.0.100", "10.0.0.101")
    imported = of_keepalived(ROUTER + other, ROUTER)
    assert lines(imported) == [
        "note: node1.conf:25: vrrp_instance VI_2 is not on node2: every node whose interface fits takes part"
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"virtual_router_id": "52"}, "virtual_router_id 52: differs from node1.conf:10"),
        ({"advert_int": "2"}, "advert_int 2: differs from node1.conf:7"),
        ({"version": "3"}, "vrrp_instance VI_1: differs from node1.conf:7"),
    ],
)
def test_what_differs_between_nodes_and_is_one_field_names_both_places(changes: dict[str, str], line: str) -> None:
    [finding] = lost(of_keepalived(node(101), node(100, **changes)))
    assert line in finding
    assert finding.endswith("no field for different ones")


def test_other_virtual_ips_on_another_node_are_lost() -> None:
    assert lost(of_keepalived(node(101), node(100).replace("10.0.0.100", "10.0.0.101"))) == [
        "node2.conf:7: vrrp_instance VI_1: its virtual IPs differ from those in node1.conf:7: no field for different ones"
    ]


def test_interfaces_that_differ_are_those_of_the_nodes() -> None:
    imported = of_keepalived(node(101), node(100, interface="ens3"))
    assert [each["interface"] for each in spec(imported)["nodes"]] == ["eth0", "ens3"]
    assert "interface" not in spec(imported)["virtualRouters"][0]


def test_several_interfaces_that_also_differ_between_nodes_are_lost() -> None:
    other = ROUTER.partition("vrrp_instance")[2].replace("VI_1", "VI_2").replace(" 51", " 52").replace("10.0.0.100", "10.0.0.101")
    second = "vrrp_instance" + other.replace("interface eth0", "interface eth1")
    imported = of_keepalived(node(101) + second.replace("priority 100", "priority 101"), node(100, interface="ens3") + second)
    reason = "no field for several interfaces that also differ between nodes"
    assert lost(imported) == [
        f"node1.conf:8: interface eth0: {reason}",
        f"node2.conf:8: interface ens3: {reason}",
    ]
    assert [each.get("interface") for each in spec(imported)["virtualRouters"]] == [None, "eth1"]


def test_a_virtual_ip_without_a_prefix_length() -> None:
    text = ROUTER.replace("10.0.0.100/24", "10.0.0.100")
    imported = of_keepalived(text)
    assert spec(imported)["virtualRouters"][0]["virtualIPs"] == ["10.0.0.100/32"]
    assert lines(imported)[0].startswith("note: node1.conf:13: 10.0.0.100: as /32, which is what keepalived takes")
    imported = of_keepalived(
        text, facts={"node1": {"eth0": (ip_interface("10.0.0.1/23"),), "eth1": (ip_interface("10.0.0.1/8"),)}}
    )
    assert spec(imported)["virtualRouters"][0]["virtualIPs"] == ["10.0.0.100/23"]
    assert lines(imported) == ["note: node1.conf:13: 10.0.0.100: with the prefix length of eth0 on node1, 23"]


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("10.0.0.100/24 dev eth0", ""),
        ("10.0.0.100/24 brd 10.0.0.255 scope global", ""),
        ("10.0.0.100/24 dev eth1", ""),
        ("10.0.0.100/24 dev eth1\n10.0.0.101/24", "dev eth1: no field for virtual IPs on interfaces that differ"),
        ("10.0.0.100/24 label eth0:1", "label eth0:1: no field"),
        ("10.0.0.100/24 scope link", "scope link: no field"),
        ("10.0.0.100/64", ""),
        ("10.0.0.100/240", "it is no IP address"),
        ("nowhere", "it is no IP address"),
    ],
)
def test_lines_of_virtual_ips(line: str, finding: str) -> None:
    found = [each for each in lost(of_keepalived(ROUTER.replace("10.0.0.100/24", line))) if each.startswith("node1.conf:13")]
    assert [each.endswith(finding) for each in found] == [True] * bool(finding)


def test_virtual_ips_on_another_interface() -> None:
    apart = ROUTER.replace("10.0.0.100/24", "10.0.0.100/24 dev eth1")
    imported = of_keepalived(apart, apart)
    (router,) = spec(imported)["virtualRouters"]
    assert (router["interface"], router["addressInterface"]) == ("eth0", "eth1") and not lost(imported)
    assert len(lost(of_keepalived(apart, ROUTER))) == 1, "on one node only"


def test_unicast_peers() -> None:
    text = ROUTER.replace(
        "    virtual_ipaddress", "    unicast_src_ip 10.0.0.1\n    unicast_peer {\n        10.0.0.2\n    }\n    virtual_ipaddress"
    )
    imported = of_keepalived(text)
    assert spec(imported)["vrrp"]["peering"] == "Unicast"
    assert lines(imported) == []
    other = text.replace("10.0.0.1\n", "10.0.0.9\n").replace("10.0.0.2\n", "10.0.0.1\n")
    assert lines(of_keepalived(text, other)) == ["note: node1.conf:13: unicast_peer: its peers are the other nodes: 10.0.0.9"]
    assert len(lost(of_keepalived(text, ROUTER))) == 1


@pytest.mark.parametrize(
    ("block", "finding"),
    [
        ("notify_master /x.sh", "notify_master /x.sh: no field: the operator runs no scripts of users"),
        ("smtp_alert", "smtp_alert: no field: the operator sends no mail"),
        ("use_vmac", "use_vmac: no field"),
        ("track_interface {\n eth1\n }", "track_interface: no field"),
        ("virtual_ipaddress_excluded {\n 10.0.0.7\n }", "virtual_ipaddress_excluded: no field"),
        ("virtual_routes {\n default via 10.0.0.1\n }", "virtual_routes: no field"),
        ("authentication {\n auth_type AH\n }", "auth_type AH: no field"),
    ],
)
def test_what_an_instance_says_and_no_field_does(block: str, finding: str) -> None:
    imported = of_keepalived(ROUTER.replace("    priority", f"    {block}\n    priority"))
    assert [each.partition(": ")[2] for each in lost(imported)] == [finding]


def test_a_password_with_version_3_had_no_effect() -> None:
    text = ROUTER.replace("    priority", "    authentication {\n auth_type PASS\n auth_pass x\n }\n    version 3\n    priority")
    assert lost(of_keepalived(text)) == []


@pytest.mark.parametrize(
    ("block", "finding"),
    [
        (
            "virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n weight 1\n }\n}",
            "virtual_server 10.0.0.1 80: no field: HAProxy balances, not LVS",
        ),
        ("static_routes {\n 10.0.0.0/8 dev eth0\n}", "static_routes: no field"),
        ("global_defs {\n vrrp_mcast_group4 224.0.0.19\n}", "vrrp_mcast_group4 224.0.0.19: no field"),
        ("track_file x {\n file /tmp/x\n}", "track_file x: no field: files of your own are not watched"),
    ],
)
def test_other_blocks_are_lost_as_a_whole(block: str, finding: str) -> None:
    assert [each.partition(": ")[2] for each in lost(of_keepalived(f"{block}\n{ROUTER}"))] == [finding]


def test_what_the_operator_decides_of_keepalived_is_no_loss() -> None:
    text = """
    global_defs {
        notification_email {
            a@example.com
        }
        smtp_server 127.0.0.1
        router_id LVS_DEVEL
        vrrp_skip_check_adv_addr
        vrrp_garp_interval 0
        enable_script_security
        script_user root
        vrrp_garp_master_refresh 60
    }
    """
    router = ROUTER.replace("    priority", "    garp_master_delay 5\n    check_unicast_src\n    priority")
    assert lines(of_keepalived(text + router)) == []


def test_mails_that_are_sent_are_lost() -> None:
    text = "global_defs {\n notification_email {\n a@b\n }\n smtp_alert\n}\n" + ROUTER
    assert [each.partition(": ")[2] for each in lost(of_keepalived(text))] == [
        "notification_email: no field",
        "smtp_alert: no field: the operator sends no mail",
    ]


def test_an_included_file_is_read() -> None:
    imported = of_keepalived("include vi.conf", included={"vi.conf": ROUTER})
    assert [each["name"] for each in spec(imported)["virtualRouters"]] == ["VI_1"]
    assert lines(imported) == []


def test_a_router_needs_an_id_and_an_address() -> None:
    assert len(lost(of_keepalived(ROUTER.replace("    virtual_router_id 51\n", "")))) == 1
    assert len(lost(of_keepalived(ROUTER.replace("        10.0.0.100/24\n", "")))) == 2  # the models say so, too


def test_strict_routers_and_other_changes_of_meaning_are_notes() -> None:
    text = "global_defs {\n vrrp_strict\n}\n" + ROUTER.replace(
        "    priority", "    mcast_src_ip 10.0.0.1\n    dont_track_primary\n    priority"
    )
    assert [each.partition(":")[0] for each in lines(of_keepalived(text))] == ["note"] * 3


def test_what_only_lvs_needs_is_no_loss_without_it() -> None:
    assert lost(of_keepalived(ROUTER.replace("    priority", "    lvs_sync_daemon_interface eth1\n    priority"))) == []
