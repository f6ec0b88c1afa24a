"""As many as a resource may have are imported; more are lost with one line that says how many there may be, and nothing fails."""

from hacluster.importer.haproxy_conditions import Conditions, Kind, Term
from tests.unit.importer.helpers import ROUTER, front, listeners, lost, of_haproxy, of_keepalived, spec

ADDRESS = "        10.0.0.100/24\n"


def addresses(count: int) -> str:
    return ROUTER.replace(ADDRESS, "".join(f"        10.0.0.{number}/24\n" for number in range(100, 100 + count)))


def routers(count: int) -> str:
    start = ROUTER.index("vrrp_instance")
    text = ROUTER[:start]
    for number in range(1, count + 1):
        changes = {"VI_1": f"VI_{number}", "router_id 51": f"router_id {number}", "10.0.0.100": f"10.0.0.{100 + number}"}
        one = ROUTER[start:]
        for old, new in changes.items():
            one = one.replace(old, new)
        text += one
    return text


def test_a_router_has_up_to_20_virtual_ips() -> None:
    full = of_keepalived(addresses(20))
    assert lost(full) == [] and len(spec(full)["virtualRouters"][0]["virtualIPs"]) == 20
    assert lost(of_keepalived(addresses(21))) == ["spec.virtualRouters[0].virtualIPs: must have at most 20 items, and has 21"]


def test_a_resource_has_up_to_16_routers() -> None:
    full = of_keepalived(routers(16))
    assert lost(full) == [] and len(spec(full)["virtualRouters"]) == 16
    assert [each for each in lost(of_keepalived(routers(17))) if "at most 16 items, and has 17" in each]


def ports(count: int) -> str:
    return "bind " + ",".join(f":{number}" for number in range(8001, 8001 + count))


def test_a_section_has_up_to_64_ports() -> None:
    full = of_haproxy(front("", bind=ports(64)))
    assert lost(full) == [] and len(listeners(full)) == 64
    more = of_haproxy(front("", bind=ports(65)))
    assert lost(more) == ["haproxy.cfg:1: frontend f: no field for more than 64 ports"] and len(listeners(more)) == 64


def test_a_condition_has_up_to_256_alternatives() -> None:
    names = {f"h{number}": (Term(Kind.HOST, (f"h{number}.example",)),) for number in range(257)}
    found = Conditions(names, tls=False)
    words = [word for name in names for word in ("or", name)][1:]
    assert len(found.read(["if", *words[:-2]])) == 256
    assert found.read(["if", *words]) == ((Term(Kind.OTHER),),)


def test_blocks_are_read_up_to_64_deep() -> None:
    def nested(depth: int) -> list[str]:
        return lost(of_keepalived(ROUTER + "other {\n" * depth + "}\n" * depth))

    assert [each.rpartition(": ")[2] for each in nested(64)] == ["no field"]
    assert any("nested too deeply" in each for each in nested(65))
