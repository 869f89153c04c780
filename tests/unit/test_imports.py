"""Who may import whom, as contracts and as it turns out at run time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

FOREIGN_TO_A_DEVICE = (
    "sqlalchemy",
    "alembic",
    "textual",
    "segno",
    "tui",
    "appliance.box",
    "appliance.vendor",
)
"""What a device never loads: the box's libraries, the kiosk, the other roles."""

FOREIGN_TO_A_BARE_INSTALL = ("sqlalchemy", "alembic", "textual", "segno")
"""What is absent where only the wheel without extras is installed."""

BLOCKED_IMPORT = """
import importlib, importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == block or name.startswith(block + ".") for block in {blocked!r}):
            raise ModuleNotFoundError(f"{{name}} is blocked here", name=name)
        return None

sys.meta_path.insert(0, Blocked())
for module in {modules!r}:
    importlib.import_module(module)
"""


def import_without(modules: list[str], blocked: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED_IMPORT.format(blocked=blocked, modules=modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def modules_below(package: str) -> list[str]:
    files = (ROOT / package.replace(".", "/")).rglob("*.py")
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return sorted(name.removesuffix(".__init__") for name in names)


def test_no_module_of_the_device_loads_anything_of_box_vendor_or_kiosk() -> None:
    import_without(modules_below("appliance.device"), FOREIGN_TO_A_DEVICE)


def test_the_command_line_starts_on_a_bare_install() -> None:
    import_without(["appliance.cli.main", "appliance.cli.inspect"], FOREIGN_TO_A_BARE_INSTALL)


@pytest.mark.parametrize(
    ("process", "needless"),
    [
        ("appliance.tpm.keystore", ("media_format.objects", "media_format.volume", "subprocess", "click")),
        ("appliance.media.courier", ("media_format.objects", "cryptography", "subprocess", "click")),
    ],
)
def test_a_process_that_starts_again_and_again_loads_only_what_it_needs(
    process: str, needless: tuple[str, ...]
) -> None:
    import_without([f"{process}.__main__"], needless)


def test_a_verb_of_the_box_loads_nothing_that_waits_for_media() -> None:
    import_without(["appliance.cli.box"], ("pyudev", "watchdog", "alembic", "textual"))


@pytest.mark.parametrize("package", ["media_format", "appliance", "tui"])
def test_importing_a_package_prints_and_writes_nothing(package: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", "-c", f"import {package}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())


def test_imports_go_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
