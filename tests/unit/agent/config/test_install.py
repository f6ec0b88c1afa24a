"""The configuration's transaction: every way it can end, and that an interrupted one is taken up again."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster import names
from hacluster.agent.config.bundle import BadBundle, Bundle, fingerprint, parse_bundle, read_good, read_live, read_offered
from hacluster.agent.config.daemons import ACCEPTED, Answer, Verdict, judge_reload, shorten
from hacluster.agent.config.install import Installer, Retry
from hacluster.agent.config.watcher import PART, Configuration
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, File

REFUSED = Verdict(Answer.REFUSED, "unknown keyword")
ABSENT = Verdict(Answer.ABSENT, "not running")


def read_candidate(file: Path) -> str:
    return file.read_text()


def nothing() -> None:
    pass


@dataclass
class Scripted:
    """Daemons that answer as told, and remember which text they run with."""

    paths: Paths
    checks: dict[File, Verdict] = field(default_factory=dict)
    reloads: dict[File, list[Verdict]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    running: dict[File, str] = field(default_factory=dict)
    step: Callable[[], None] = nothing

    async def validate(self, file: File, candidate: Path) -> Verdict:
        assert read_candidate(candidate)
        self.asked.append(f"check {file}")
        return self.checks.get(file, ACCEPTED)

    async def reload(self, file: File) -> Verdict:
        self.step()
        self.asked.append(f"reload {file}")
        answers = self.reloads.get(file, [])
        verdict = answers.pop(0) if answers else ACCEPTED
        if verdict == ACCEPTED:
            self.running[file] = self.paths.live(file).read_text()
        return verdict

    def start(self) -> None:
        for file in (File.HAPROXY, File.KEEPALIVED):
            self.running[file] = self.paths.live(file).read_text()


def bundle(
    revision: str = "r1", *, keepalived: str = "k1", haproxy: str = "h1", rsyslog: str | None = None, port: int = 80
) -> Bundle:
    ports = [{"port": port, "field": "spec.haproxy.listeners[0].port"}]
    agent = {"cluster": "web", "namespace": "default", "node": "node1", "revision": revision, "ports": ports}
    texts = {File.KEEPALIVED: keepalived, File.HAPROXY: haproxy, File.AGENT: json.dumps(agent)}
    return parse_bundle(texts if rsyslog is None else texts | {File.RSYSLOG: rsyslog})


class Rig:
    def __init__(self, root: Path) -> None:
        self.paths = Paths(run=root / "run", config=root / "config")
        self.paths.run.mkdir(exist_ok=True)
        self.paths.config.mkdir(exist_ok=True)
        self.daemons = Scripted(self.paths)
        self.listeners: set[Listener] = set()
        self.restart_agent()

    def restart_agent(self) -> None:
        def listening() -> Collection[Listener]:
            return self.listeners

        self.installer = Installer(self.paths, self.daemons, listening)

    def live(self) -> dict[File, str]:
        return dict(read_live(self.paths))

    async def begin(self) -> Bundle:
        """The first configuration is installed and the daemons are started with it."""
        first = bundle()
        assert not (await self.installer.install(first)).problems
        self.daemons.start()
        self.listeners.add((ip_address("0.0.0.0"), 80))
        self.daemons.asked.clear()
        return first


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_the_first_installation_lets_the_daemons_start(rig: Rig) -> None:
    outcome = await rig.installer.install(bundle())
    assert not outcome.problems
    assert rig.daemons.asked == ["check haproxy.cfg", "check keepalived.conf"]
    assert rig.paths.ready.exists()
    assert rig.live() == bundle().texts
    assert rig.installer.good == bundle()


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_a_refused_first_configuration_starts_nothing(rig: Rig, file: File) -> None:
    rig.daemons.checks[file] = REFUSED
    outcome = await rig.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert "unknown keyword" in outcome.problems[0].message and file.value in outcome.problems[0].message
    assert not rig.paths.ready.exists() and rig.live() == {}
    assert outcome.retry is Retry.NEVER


async def test_a_taken_port_holds_the_start(rig: Rig) -> None:
    rig.listeners.add((ip_address("0.0.0.0"), 80))
    outcome = await rig.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"]
    assert outcome.retry is Retry.PORT and not rig.paths.ready.exists()
    rig.listeners.clear()
    assert not (await rig.installer.install(bundle())).problems
    assert rig.paths.ready.exists()


async def test_a_taken_address_holds_the_first_start_and_no_other(rig: Rig) -> None:
    in_use = [NodeProblem(reason="AddressInUse", message="02:00:00:00:00:aa answers")]
    asked: list[str] = []

    async def preflight(config: AgentConfig) -> tuple[NodeProblem, ...]:
        asked.append(config.revision)
        return tuple(in_use)

    rig.installer = Installer(rig.paths, rig.daemons, lambda: rig.listeners, preflight)
    outcome = await rig.installer.install(bundle())
    assert outcome.problems == tuple(in_use) and outcome.retry is Retry.PORT
    assert not rig.paths.ready.exists() and rig.live() == {}
    in_use.clear()
    assert not (await rig.installer.install(bundle())).problems
    assert rig.paths.ready.exists()
    rig.daemons.start()
    assert not (await rig.installer.install(bundle("r2", keepalived="k2"))).problems
    assert asked == ["r1", "r1"]


async def test_the_same_files_do_nothing(rig: Rig) -> None:
    await rig.begin()
    assert not (await rig.installer.install(bundle())).problems
    assert rig.daemons.asked == []


async def test_only_what_changed_is_checked_and_reloaded(rig: Rig) -> None:
    await rig.begin()
    await rig.installer.install(bundle("r2", haproxy="h2"))
    assert rig.daemons.asked == ["check haproxy.cfg", "reload haproxy.cfg"]
    assert rig.daemons.running == {File.HAPROXY: "h2", File.KEEPALIVED: "k1"}
    assert rig.installer.good == bundle("r2", haproxy="h2")


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_a_refused_check_touches_nothing(rig: Rig, file: File) -> None:
    first = await rig.begin()
    rig.daemons.checks[file] = REFUSED
    outcome = await rig.installer.install(bundle("r2", haproxy="h2", keepalived="k2"))
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert rig.live() == first.texts and rig.installer.good == first
    assert not [ask for ask in rig.daemons.asked if ask.startswith("reload")]


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_a_refused_reload_goes_back(rig: Rig, file: File) -> None:
    first = await rig.begin()
    rig.daemons.reloads[file] = [REFUSED]
    outcome = await rig.installer.install(bundle("r2", haproxy="h2", keepalived="k2"))
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert rig.live() == first.texts and rig.installer.good == first
    assert rig.daemons.running == {File.HAPROXY: "h1", File.KEEPALIVED: "k1"}
    assert outcome.retry is Retry.NEVER


async def test_a_new_port_that_is_taken_is_not_even_tried(rig: Rig) -> None:
    first = await rig.begin()
    rig.listeners.add((ip_address("0.0.0.0"), 9090))
    outcome = await rig.installer.install(bundle("r2", haproxy="h2", port=9090))
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"]
    assert outcome.retry is Retry.PORT
    assert rig.live() == first.texts
    assert not [ask for ask in rig.daemons.asked if ask.startswith("reload")]


async def test_a_daemon_that_is_away_gets_the_new_file_and_is_asked_again(rig: Rig) -> None:
    await rig.begin()
    rig.daemons.reloads[File.HAPROXY] = [ABSENT]
    new = bundle("r2", haproxy="h2")
    outcome = await rig.installer.install(new)
    assert [problem.reason for problem in outcome.problems] == ["NotLoaded"] and outcome.retry is Retry.LATER
    assert rig.live() == new.texts and rig.installer.good == bundle()  # the revision is not claimed
    assert not (await rig.installer.install(new)).problems
    assert rig.installer.good == new and rig.daemons.running[File.HAPROXY] == "h2"


async def test_files_that_are_taken_back_while_a_daemon_is_away(rig: Rig) -> None:
    first = await rig.begin()
    rig.daemons.reloads[File.HAPROXY] = [ABSENT]
    await rig.installer.install(bundle("r2", haproxy="h2"))
    assert not (await rig.installer.install(first)).problems
    assert rig.live() == first.texts and rig.daemons.running[File.HAPROXY] == "h1"


async def test_rsyslogs_file_comes_and_goes(rig: Rig) -> None:
    await rig.begin()
    await rig.installer.install(bundle("r2", rsyslog="log"))
    assert rig.paths.live(File.RSYSLOG).read_text() == "log"
    await rig.installer.install(bundle("r3"))
    assert not rig.paths.live(File.RSYSLOG).exists()
    rig.restart_agent()
    assert rig.installer.good == bundle("r3")


class Killed(BaseException):
    """As SIGKILL: nothing after it runs."""


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.booleans())
def test_an_agent_killed_anywhere_takes_up_again(
    tmp_path_factory: pytest.TempPathFactory, survive: int, taken_back: bool
) -> None:
    """Whichever write or reload was the last one before the kill, the next agent ends with files, daemons and seal agreeing."""

    async def scenario() -> None:
        rig = Rig(tmp_path_factory.mktemp("run"))
        first = await rig.begin()
        left = survive

        def step() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        new = bundle("r2", haproxy="h2", keepalived="k2")
        with pytest.MonkeyPatch.context() as patch:
            replace = Path.replace

            def replacing(self: Path, target: Path) -> Path:
                step()
                return replace(self, target)

            patch.setattr(Path, "replace", replacing)
            rig.daemons.step = step
            with contextlib.suppress(Killed):
                await rig.installer.install(new)
        rig.daemons.step = nothing
        rig.restart_agent()
        wanted = first if taken_back else new
        assert not (await rig.installer.install(wanted)).problems
        assert rig.live() == wanted.texts and read_good(rig.paths) == wanted
        assert rig.daemons.running == {file: wanted.texts[file] for file in (File.HAPROXY, File.KEEPALIVED)}

    asyncio.run(scenario())


# The files


def write_offered(directory: Path, texts: dict[File, str] | Bundle) -> None:
    for file, text in (texts.texts if isinstance(texts, Bundle) else texts).items():
        (directory / names.key("node1", file.value)).write_text(text)


def test_what_is_offered(tmp_path: Path) -> None:
    assert read_offered(tmp_path, "node1") is None
    write_offered(tmp_path, bundle())
    assert read_offered(tmp_path, "node1") == bundle()
    assert read_offered(tmp_path, "node2") is None


def test_incomplete_files_say_what_is_missing(tmp_path: Path) -> None:
    write_offered(tmp_path, {File.AGENT: "{}"})
    with pytest.raises(BadBundle, match=r"lacks keepalived\.conf, haproxy\.cfg"):
        read_offered(tmp_path, "node1")


def test_orders_that_cannot_be_read_name_the_field() -> None:
    with pytest.raises(BadBundle, match=r"agent\.json: cluster"):
        parse_bundle({File.KEEPALIVED: "", File.HAPROXY: "", File.AGENT: "{}"})


def test_the_kubelets_swap_is_noticed(tmp_path: Path) -> None:
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
    (tmp_path / "..data").symlink_to("..1")
    before = fingerprint(tmp_path, "node1")
    assert fingerprint(tmp_path, "node1") == before
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert fingerprint(tmp_path, "node1") != before


def test_files_without_a_kubelet_are_noticed_too(tmp_path: Path) -> None:
    before = fingerprint(tmp_path, "node1")
    write_offered(tmp_path, bundle())
    assert fingerprint(tmp_path, "node1") != before


# The part


async def test_refused_files_are_not_judged_again_until_they_change(rig: Rig) -> None:
    state = AgentState()
    rig.daemons.checks[File.HAPROXY] = REFUSED
    write_offered(rig.paths.config, bundle())
    task = asyncio.create_task(Configuration(rig.paths, "node1", state, rig.installer).run())
    try:
        async with asyncio.timeout(5):
            while not state.now.problems.get(PART):
                await state.changed_since(state.version)
            assert state.now.installed is None and state.now.offered is not None
            assert [each.revision for each in state.now.problems[PART]] == [state.now.offered.revision]
            await asyncio.sleep(0.35)  # three looks at the directory
            assert rig.daemons.asked == ["check haproxy.cfg"]
            rig.daemons.checks.clear()
            write_offered(rig.paths.config, bundle("r2", haproxy="h2"))
            while state.now.installed is None or state.now.problems:
                await state.changed_since(state.version)
        assert state.now.installed.revision == "r2" and state.now.started
    finally:
        task.cancel()
        await asyncio.wait({task})


# What the daemons say


def test_haproxys_master() -> None:
    assert judge_reload("Success=1\n--\n[NOTICE] (1) : Loading success.\n") == ACCEPTED
    refused = judge_reload(
        "Success=0\n--\n[NOTICE]   (1) : haproxy version is 3.0\n[ALERT]    (14278) : config : unknown keyword 'x'\n"
    )
    refused = judge_reload("Success=0\n--\n[WARNING]  (1) : Paused.\n[ALERT]    (14278) : config : unknown keyword 'x'\n")
    assert refused == Verdict(Answer.REFUSED, "config : unknown keyword 'x'")
    assert judge_reload("").answer is Answer.ABSENT


def test_words_are_the_cause_only_and_short() -> None:
    said = "Sun Nov 22 12:45:17 2026: (Line 4) Unknown keyword 'x'\n\n"
    assert shorten(said) == "(Line 4) Unknown keyword 'x'"
    assert len(shorten("word " * 1000)) <= 600


def test_a_node_that_joins_is_read_whole_while_the_kubelet_is_still_linking_its_keys(tmp_path: Path) -> None:
    """The kubelet swaps `..data` first, and makes the visible links of new keys one by one after that."""
    delivered = tmp_path / "..2026"
    delivered.mkdir()
    for file, text in bundle().texts.items():
        (delivered / names.key("node1", file.value)).write_text(text)
    (tmp_path / "..data").symlink_to("..2026")
    first = names.key("node1", File.KEEPALIVED.value)
    (tmp_path / first).symlink_to(f"..data/{first}")
    assert read_offered(tmp_path, "node1") == bundle()
