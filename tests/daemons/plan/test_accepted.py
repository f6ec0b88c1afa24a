"""What the plan writes, the real daemons take without a word; what is wrong, they refuse (so that a yes means something)."""

from pathlib import Path

import pytest

from tests.daemons.plan.judges import judge

CASES = Path(__file__).parents[2] / "golden" / "cases"
REFUSED = Path(__file__).parent / "refused"
JUDGED = ("keepalived.conf", "haproxy.cfg", "httpd.conf", "rsyslog.conf")

pytestmark = pytest.mark.daemons


def test_every_golden_file_is_taken_without_a_warning(node_image: str) -> None:
    folders = sorted(folder for folder in CASES.glob("*/expected/*") if folder.is_dir())
    verdicts = judge(node_image, CASES, folders)
    files = {str(file.relative_to(CASES)) for folder in folders for file in folder.iterdir() if file.name in JUDGED}
    assert set(verdicts) == files, "every file was looked at"
    assert {file: said for file, said in verdicts.items() if said} == {}


def test_known_bad_files_are_refused(node_image: str) -> None:
    verdicts = judge(node_image, REFUSED, [REFUSED])
    assert set(verdicts) == set(JUDGED)
    assert {file for file, said in verdicts.items() if not said} == set()
