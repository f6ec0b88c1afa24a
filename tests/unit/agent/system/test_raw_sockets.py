"""Raw sockets for VRRP in the kernel's lists."""

from pathlib import Path

from hacluster.agent.system.raw_sockets import vrrp_sockets

RAW = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2919000 2 00000000fb92617a 0
  99: 00000000:0070 00000000:0000 07 000016C0:00000000 00:00000000 00000000     0        0 2919480 2 00000000fb92617b 0
"""
RAW6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  99: 00000000000000000000000000000000:0070 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2919481 2 00000000e029a758 0
"""  # noqa: E501 - the kernel's own lines


def test_the_sockets_of_vrrp_are_found_by_their_protocol(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text(RAW)
    assert vrrp_sockets(tmp_path) == {"2919480"}
    (tmp_path / "raw6").write_text(RAW6)
    assert vrrp_sockets(tmp_path) == {"2919480", "2919481"}


def test_a_kernel_without_the_lists_has_none(tmp_path: Path) -> None:
    assert vrrp_sockets(tmp_path) == frozenset()
