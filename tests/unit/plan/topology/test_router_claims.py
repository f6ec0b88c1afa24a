"""Which VRIDs a resource may use beside others: the same one only where virtual routers cannot hear each other."""

from hacluster.api import HACluster
from hacluster.plan.topology.router_claims import claims_of, is_in_conflict, kept_router_ids, taken_router_ids, wanted_by
from hacluster.plan.topology.segments import Interfaces, Segment, segments_of
from tests.unit.plan.clusters import cluster, node

Reports = dict[str, Interfaces | None]


def on(subnet: str) -> Interfaces:
    found = node("", eth0=[subnet]).interfaces
    assert found is not None
    return found


HERE: Reports = {"n1": on("10.1.0.1/24")}
THERE: Reports = {"n2": on("10.2.0.1/24")}
UNKNOWN: Reports = {"n4": None}


def resource(address: str = "10.1.0.200", *, named: int | None = None, runs: int | None = None) -> HACluster:
    router = {"virtualIPs": [f"{address}/32"], "interface": "eth0"} | ({"virtualRouterID": named} if named else {})
    recorded = [{"address": address, "router": "VI_1", "virtualRouterID": runs}] if runs else []
    return cluster(virtualRouters=[router], status={"virtualIPs": recorded})


def conflict(young: HACluster, at: Reports, old: HACluster, old_at: Reports) -> bool:
    wanted = wanted_by(claims_of(young, segments_of(young, at)))["VI_1"]
    return any(is_in_conflict(wanted, each) for each in claims_of(old, segments_of(old, old_at)))


def test_a_new_id_is_refused_where_the_two_may_meet() -> None:
    for at, refused in ((HERE, True), (THERE, False), (UNKNOWN, True), ({**THERE, **UNKNOWN}, True)):
        assert conflict(resource(named=51), at, resource("10.1.0.201", runs=51), HERE) is refused, at
        assert conflict(resource(named=51), HERE, resource("10.1.0.201", named=51), at) is refused, at
    assert not conflict(resource(named=51), HERE, resource("10.1.0.201", named=52), HERE)


def test_an_id_that_runs_is_no_conflict_because_a_node_has_not_reported() -> None:
    """Nothing is applied for a resource in conflict: the agent that would report could not be installed."""
    young, old = resource(named=51, runs=51), resource("10.1.0.201", runs=51)
    assert not conflict(young, {**THERE, **UNKNOWN}, old, HERE)
    assert not conflict(young, THERE, old, {**HERE, **UNKNOWN})
    assert conflict(young, {**THERE, "n3": on("10.1.0.3/24")}, old, HERE), "the node has reported, and is where the older one is"


def test_an_allotted_id_that_runs_is_a_conflict_only_where_the_older_resource_runs_it_too() -> None:
    young = resource(runs=17)
    assert conflict(young, HERE, resource("10.1.0.201", runs=17), HERE)
    assert conflict(young, HERE, resource("10.1.0.201", named=17, runs=17), HERE)
    assert not conflict(young, HERE, resource("10.1.0.201", named=17, runs=9), HERE), "it gives way"


def kept(young: HACluster, at: Reports, old: HACluster, old_at: Reports) -> dict[str, int]:
    return kept_router_ids(young, segments_of(young, at), list(claims_of(old, segments_of(old, old_at))))


def test_an_allotted_id_gives_way_to_one_that_an_older_resource_begins_to_name() -> None:
    young, old = resource(runs=17), resource("10.1.0.201", named=17, runs=9)
    assert kept(young, HERE, old, HERE) == {}
    assert kept(young, THERE, old, HERE) == kept(young, UNKNOWN, old, HERE) == {"VI_1": 17}
    assert kept(young, HERE, resource("10.1.0.201", named=17, runs=17), HERE) == {"VI_1": 17}, "both run it: neither changes"
    assert kept(resource(named=17, runs=17), HERE, old, HERE) == {"VI_1": 17}, "named itself: that is a conflict"


def test_taken_ids_are_those_that_routers_run_or_name_which_this_one_may_meet() -> None:
    own: dict[str, Segment] = segments_of(resource(), HERE)
    others = [
        *claims_of(resource(named=51, runs=9), segments_of(resource(), HERE)),
        *claims_of(resource(named=52), segments_of(resource(), THERE)),
        *claims_of(resource(runs=53), segments_of(resource(), UNKNOWN)),
    ]
    assert taken_router_ids(own, others, {99}) == {"VI_1": {51, 9, 53, 99}}


def test_the_id_of_a_router_that_was_renamed_is_taken() -> None:
    """Its status has the old name until the operator has written it again; the nodes run the ID all the time."""
    renamed = cluster(
        virtualRouters=[{"name": "front", "virtualIPs": ["10.1.0.200/32"], "interface": "eth0"}],
        status={"virtualIPs": [{"address": "10.1.0.200", "router": "VI_1", "virtualRouterID": 17}]},
    )
    (claim,) = claims_of(renamed, segments_of(renamed, HERE))
    assert (claim.router, claim.virtual_router_id, claim.runs, claim.named) == ("front", 17, True, False)
