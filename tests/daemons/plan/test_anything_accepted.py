"""No resource that the schema accepts makes a file that a daemon refuses.

Many random resources are drawn from one fixed seed, and all their files are checked in one container. `RESOURCES=2000` (`make resources`)
asks for so many.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from hacluster.api import HACluster, parse
from hacluster.plan import NodeView, make_plan
from tests.daemons.plan.checks import check_files
from tests.resources import COUNT
from tests.resources.drawing import RANDOM, resources
from tests.resources.nodes import nodes
from tests.unit.plan.clusters import SETTINGS
from tests.unit.plan.resources import clusters

pytestmark = pytest.mark.daemons

SHORT = 80
Case = tuple[HACluster, tuple[NodeView, ...]]


@pytest.mark.parametrize(
    "cases",
    [clusters, lambda: resources().map(lambda drawn: (parse(drawn.valid), nodes()))],
    ids=["hostile texts", "every field"],
)
def test_the_daemons_accept_the_files_of_every_valid_resource(
    node_image: str, tmp_path: Path, cases: Callable[[], st.SearchStrategy[Case]]
) -> None:
    folders: list[Path] = []
    specs: dict[str, Any] = {}

    @seed(20200131)
    @settings(max_examples=COUNT or SHORT, **RANDOM)
    @given(cases())
    def draw(drawn: Case) -> None:
        cluster, views = drawn
        plan = make_plan(cluster, views, SETTINGS)
        assert not plan.blocked, plan.problems
        folder = tmp_path / str(len(folders))
        folder.mkdir()
        for file, text in plan.texts[views[0].name].items():
            (folder / file.value).write_text(text)
        folders.append(folder)
        specs[folder.name] = cluster.spec.model_dump_json(by_alias=True, exclude_none=True)

    draw()
    assert len(folders) >= (COUNT or SHORT)
    tmp_path.chmod(0o755)
    refused = {file: output for file, output in check_files(node_image, tmp_path, folders).items() if output}
    assert refused == {}, "\n".join(f"{specs[file.split('/')[0]]}\n{output}" for file, output in refused.items())
