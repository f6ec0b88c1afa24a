"""No resource that the schema accepts makes a file that a daemon refuses.

Many random resources are drawn from one fixed seed, and all their files are checked in one container.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from hacluster.api import HACluster
from hacluster.plan import NodeView, make_plan
from tests.daemons.plan.checks import check_files
from tests.unit.plan.clusters import SETTINGS
from tests.unit.plan.resources import clusters

pytestmark = pytest.mark.daemons

RESOURCES = 80


def test_the_daemons_accept_the_files_of_every_valid_resource(node_image: str, tmp_path: Path) -> None:
    folders: list[Path] = []
    specs: dict[str, str] = {}

    @seed(20200131)
    @settings(max_examples=RESOURCES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(clusters())
    def draw(drawn: tuple[HACluster, tuple[NodeView, ...]]) -> None:
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
    assert len(folders) >= RESOURCES
    tmp_path.chmod(0o755)
    refused = {file: output for file, output in check_files(node_image, tmp_path, folders).items() if output}
    assert refused == {}, "\n".join(f"{specs[file.split('/')[0]]}\n{output}" for file, output in refused.items())
