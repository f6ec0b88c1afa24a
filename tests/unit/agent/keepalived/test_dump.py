"""keepalived's dump in words becomes one line that says why a virtual router is in its state."""

from hacluster.agent.keepalived.dump import parse_description

# Shortened from keepalived 2.3.3, SIGUSR1.
DUMP = """\
------< Global definitions >------
 Router ID = node1
   State = not this one
------< VRRP Topology >------
 VRRP Instance = VI_1
   VRRP Version = 3
   State = FAULT
   Flags: none
   Wantstate = FAULT
   Number of config faults = 0
   Number of tracker faults = 1
   Flags of interface faults:
     unspecified
     no source IP address
   Number of track scripts init = 0
   Virtual IP : 1
     172.16.7.200/24 dev ens3 scope global
   Tracked scripts :
     chk_haproxy, weight -60
------< VRRP Scripts >------
 VRRP Script = chk_haproxy
   Command = '/usr/bin/killall' '-0' 'haproxy'
   Status = GOOD
   State = idle
------< Tracked files >------
 Track file = haproxy
   File = /run/hacluster/track-haproxy
   Status = 1
   Weight = 0
"""


def test_it_names_the_faults_and_what_is_tracked() -> None:
    assert parse_description(DUMP).of("VI_1") == (
        "State FAULT, Wantstate FAULT, Number of config faults 0, Number of tracker faults 1, Number of track scripts init 0, "
        "faults: unspecified, no source IP address, VRRP Script chk_haproxy has status GOOD, Track file haproxy has status 1"
    )


def test_what_is_not_there_is_said() -> None:
    assert parse_description("").of("VI_1") == "it has no instance VI_1"
