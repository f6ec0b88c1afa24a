"""Tracked scripts: which become the check of HAProxy, with which weight and interval."""

import pytest

from tests.unit.importer.helpers import ROUTER, lines, lost, of_keepalived, spec

SCRIPT = '    script "killall -0 haproxy"\n    interval 2\n    weight 2\n'


def _script(lines_: str) -> str:
    return ROUTER.replace(SCRIPT, lines_)


@pytest.mark.parametrize(
    "command",
    [
        "killall -0 haproxy",
        "/usr/bin/killall -0 haproxy",
        "pidof haproxy",
        "/bin/pidof -s haproxy",
        "pgrep haproxy",
        "/usr/bin/pgrep -x haproxy",
        "pkill -0 haproxy",
        "systemctl is-active --quiet haproxy",
        "systemctl is-active haproxy.service",
        "service haproxy status",
        "/usr/sbin/pidof /usr/sbin/haproxy",
        "curl -sf http://127.0.0.1:8080/",
        "</dev/tcp/127.0.0.1/6443",
        "/etc/keepalived/check_apiserver.sh",
        "/etc/keepalived/chk_haproxy.sh",
        "/usr/libexec/keepalived/haproxy_check.sh",
    ],
)
def test_a_script_that_asks_whether_haproxy_runs_becomes_the_better_check(command: str) -> None:
    imported = of_keepalived(_script(f'    script "{command}"\n    interval 2\n'))
    assert "check" not in spec(imported)["vrrp"]  # HTTP, the default
    assert [str(each).startswith("note: node1.conf:3: script") for each in imported.findings if "script" in str(each)] == [True]
    assert lost(imported) == []


@pytest.mark.parametrize(
    "command",
    [
        "/etc/keepalived/check.sh",
        "/etc/keepalived/check_haproxy.sh --restart",
        "/etc/keepalived/restart_haproxy.sh",
        "killall -0 nginx",
        "systemctl restart haproxy",
        "pidof haproxy || systemctl start haproxy",
        "killall -9 haproxy",
        "pgrep haproxy; reboot",
    ],
)
def test_another_script_is_lost_with_its_name(command: str) -> None:
    [finding] = lost(of_keepalived(_script(f'    script "{command}"\n    interval 2\n')))
    assert (
        finding
        == f"node1.conf:2: vrrp_script chk_haproxy: no field: what the script does is not known here ({command.split(maxsplit=1)[0]})"
    )


@pytest.mark.parametrize(("weight", "expected"), [("2", 2), ("-20", 20), ("0", 0), ("+5", 5)])
def test_a_weight_is_the_difference_between_fit_and_unfit(weight: str, expected: int) -> None:
    imported = of_keepalived(ROUTER.replace("weight 2", f"weight {weight}"))
    assert spec(imported)["vrrp"].get("check", {}).get("weight", 0) == expected


@pytest.mark.parametrize("weight", ["254", "heavy", "-999"])
def test_a_weight_out_of_range_is_lost(weight: str) -> None:
    assert lost(of_keepalived(ROUTER.replace("weight 2", f"weight {weight}"))) == [
        f"node1.conf:5: weight {weight}: must be a number from -253 to 253"
    ]


def test_a_weight_in_the_instance_replaces_that_of_the_script() -> None:
    text = ROUTER.replace("        chk_haproxy", "        chk_haproxy weight 30")
    assert spec(of_keepalived(text))["vrrp"]["check"] == {"weight": 30}


def test_priorities_are_raised_where_the_weight_would_leave_the_range() -> None:
    imported = of_keepalived(ROUTER.replace("weight 2", "weight 120"))
    assert spec(imported)["nodes"][0]["priority"] == 220
    assert "all priorities are higher by 120" in lines(imported)[0]
    imported = of_keepalived(ROUTER.replace("weight 2", "weight -120"))
    assert spec(imported)["nodes"][0]["priority"] == 100  # keepalived ended at 1 as well


def test_the_interval_of_the_script() -> None:
    assert spec(of_keepalived(ROUTER.replace("interval 2", "interval 5")))["vrrp"]["check"]["interval"] == "5s"
    assert spec(of_keepalived(ROUTER.replace("    interval 2\n", "")))["vrrp"]["check"]["interval"] == "1s"
    assert len(lost(of_keepalived(ROUTER.replace("interval 2", "interval never")))) == 1


def test_weights_and_intervals_have_to_be_alike_on_all_nodes() -> None:
    [finding] = lost(of_keepalived(ROUTER, ROUTER.replace("weight 2", "weight 4")))
    assert finding.startswith("node2.conf:16: chk_haproxy: its weight differs from that in node1.conf:16")
    [finding] = lost(of_keepalived(ROUTER, ROUTER.replace("interval 2", "interval 4")))
    assert "its interval differs from that in node1.conf:16" in finding


def test_an_instance_that_tracked_nothing_is_watched_now() -> None:
    text = ROUTER.replace("    track_script {\n        chk_haproxy\n    }\n", "")
    assert lines(of_keepalived(text)) == [
        "note: node1.conf:7: vrrp_instance VI_1 did not watch HAProxy; now a node whose HAProxy does not answer is unfit"
    ]


def test_a_tracked_process() -> None:
    text = ROUTER.replace(
        f"vrrp_script chk_haproxy {{\n{SCRIPT}",
        "vrrp_track_process chk_haproxy {\n    process haproxy\n    weight 9\n    quorum 1\n",
    )
    imported = of_keepalived(text.replace("track_script", "track_process"))
    assert spec(imported)["vrrp"]["check"] == {"weight": 9}
    assert lost(imported) == []
    assert len(lost(of_keepalived(text.replace("process haproxy", "process nginx")))) == 1


@pytest.mark.parametrize("setting", ["timeout 5", "fall 3", "rise 2", "user nobody", "init_fail"])
def test_how_often_a_script_has_to_fail_is_the_operator_s_own(setting: str) -> None:
    assert lines(of_keepalived(ROUTER.replace("    interval 2\n", f"    interval 2\n    {setting}\n"))) == []


def test_what_else_a_script_says_is_lost() -> None:
    assert lost(of_keepalived(ROUTER.replace("    weight 2\n", "    weight 2 reverse\n"))) == [
        "node1.conf:5: weight 2 reverse: reverse: no field"
    ]
    assert lost(of_keepalived(ROUTER.replace("    interval 2\n", "    interval 2\n    strange 1\n"))) == [
        "node1.conf:5: strange 1: no field"
    ]
    assert len(lost(of_keepalived(ROUTER.replace("        chk_haproxy", "        chk_haproxy weight 2 reverse")))) == 1
    assert lines(of_keepalived(ROUTER.replace("        chk_haproxy", "        chk_haproxy\n        nobody"))) == [
        "note: node1.conf:17: nobody: there is no script or process of this name"
    ]
