"""Every promise and every attack of docs/security.md names its tests, and they exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.markdown import ROOT

SCRIPT = ROOT / "scripts" / "check-attack-matrix"
PAGE = ROOT / "docs" / "security.md"


def test_every_promise_and_every_attack_has_tests_that_exist() -> None:
    assert _check(PAGE) == (0, "")


def test_an_attack_without_a_test_is_named(tmp_path: Path) -> None:
    bare = re.sub(r"^(\| older release \|[^|]*\|).*$", r"\1 |", PAGE.read_text(), flags=re.MULTILINE)
    assert _spoiled(tmp_path, bare) == (1, "check-attack-matrix: older release: no test\n")


def test_a_promise_without_a_test_is_named(tmp_path: Path) -> None:
    bare = re.sub(r"(\*\*G7\*\*[^\n]*\n)  Tests:[^\n]*\n", r"\1", PAGE.read_text())
    assert _spoiled(tmp_path, bare) == (1, "check-attack-matrix: G7: no test\n")


def test_a_test_that_was_renamed_is_missed(tmp_path: Path) -> None:
    name = "test_a_wrong_pin_opens_nothing"
    status, said = _spoiled(tmp_path, PAGE.read_text().replace(f"[{name}]", f"[{name}_any_more]"))
    assert (status, said.count("\n")) == (1, 1)
    assert f"there is no {name}_any_more" in said


def _spoiled(folder: Path, text: str) -> tuple[int, str]:
    (folder / "docs").mkdir()
    (folder / "tests").symlink_to(ROOT / "tests")
    page = folder / "docs" / "security.md"
    page.write_text(text)
    return _check(page)


def _check(page: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(page)], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr
