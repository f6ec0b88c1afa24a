"""The real daemons accept every golden file without a warning.

They also have to refuse the files in `refused/`, each with one mistake: otherwise acceptance would prove nothing.
"""

from pathlib import Path

import pytest

from tests.daemons.plan.checks import check_files

CASES = Path(__file__).parents[2] / "golden" / "cases"
REFUSED = Path(__file__).parent / "refused"
CHECKED_FILES = ("keepalived.conf", "haproxy.cfg", "httpd.conf", "rsyslog.conf")

pytestmark = pytest.mark.daemons


def test_every_golden_file_is_accepted_without_a_warning(node_image: str) -> None:
    folders = sorted(folder for folder in CASES.glob("*/expected/*") if folder.is_dir())
    verdicts = check_files(node_image, CASES, folders)
    files = {str(file.relative_to(CASES)) for folder in folders for file in folder.iterdir() if file.name in CHECKED_FILES}
    assert set(verdicts) == files, "every file was checked"
    assert {file: output for file, output in verdicts.items() if output} == {}


def test_known_bad_files_are_refused(node_image: str) -> None:
    verdicts = check_files(node_image, REFUSED, [REFUSED])
    assert set(verdicts) == set(CHECKED_FILES)
    assert {file for file, output in verdicts.items() if not output} == set()
