"""Finding processes by pid files and /proc, which signals they handle, and waiting for their end."""

import asyncio
import os
import signal
from pathlib import Path

from hacluster.agent.system import processes
from tests.unit.agent.sleep import sleeping_process


async def test_the_end_of_a_process_is_noticed_at_once() -> None:
    process = sleeping_process()
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, process.kill)
    assert await processes.any_ends([process.pid], within=10)
    process.wait()
    assert await processes.any_ends([process.pid], within=10)  # it has ended already
    assert not await processes.any_ends([], within=0.01)


def test_an_invalid_pid_file_gives_no_pid(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    assert processes.read_pid(file) is None
    for text, pid in (("", None), ("x", None), ("0", None), ("-4", None), ("17\n", 17)):
        file.write_text(text)
        assert processes.read_pid(file) == pid


def fake_proc(root: Path, *rows: tuple[int, str, str, int]) -> Path:
    """A directory like /proc with these processes: id, name, state, parent."""
    for pid, name, state, parent in rows:
        (root / str(pid)).mkdir()
        (root / str(pid) / "stat").write_text(f"{pid} ({name}) {state} {parent}" + 17 * " 0" + f" {100 + pid} 0")
    return root


def test_zombies_and_other_programs_do_not_count_as_alive(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, (5, "keepalived", "S", 1), (6, "keepalived", "Z", 5), (7, "bash", "S", 1), (8, "a) S 5 (", "S", 5))
    assert processes.alive(5, "keepalived", proc)
    assert not processes.alive(6, "keepalived", proc)  # a zombie
    assert not processes.alive(7, "keepalived", proc)  # another program got the process id
    assert not processes.alive(9, "keepalived", proc)
    assert processes.children(5, proc) == (8,)  # found by their parent, where the kernel keeps no list of children


def test_a_stopped_process_is_recognized(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, (5, "keepalived", "S", 1), (6, "keepalived", "T", 5), (7, "keepalived", "t", 5))
    assert [processes.stopped(pid, proc) for pid in (5, 6, 7, 8)] == [False, True, True, False]


def test_two_processes_with_one_id_differ_by_their_start(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, (5, "haproxy (x) y", "S", 1), (6, "haproxy", "Z", 5))
    assert [processes.start_time(pid, proc) for pid in (5, 6, 7)] == [105, None, None]


def test_children_are_listed_until_they_end() -> None:
    process = sleeping_process()
    try:
        assert process.pid in processes.children(os.getpid())
    finally:
        process.kill()
        process.wait()
    assert process.pid not in processes.children(os.getpid())


def test_a_signal_without_a_handler_is_recognized() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        assert processes.handles_signal(os.getpid(), signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert not processes.handles_signal(os.getpid(), signal.SIGUSR2)
    assert not processes.handles_signal(os.getpid(), signal.SIGRTMIN + 5)
    assert not processes.handles_signal(2**22 + 1, signal.SIGINT)
