"""What a device gets: the wheel without extras, and that it is enough."""

from __future__ import annotations

import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.system.bare_install import ROOT, BareInstall, install_wheel


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> BareInstall:
    return install_wheel(tmp_path_factory.mktemp("wheel"))


def modules_below(package: str) -> list[str]:
    files = (ROOT / package.replace(".", "/")).rglob("*.py")
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return sorted(name.removesuffix(".__init__") for name in names)


def test_the_wheel_holds_the_three_packages_and_nothing_else(bare: BareInstall) -> None:
    names = [Path(name) for name in zipfile.ZipFile(bare.wheel).namelist()]
    assert {name.parts[0] for name in names} == {
        "media_format",
        "appliance",
        "tui",
        f"updatebox-{version('updatebox')}.dist-info",
    }
    assert not [name for name in names if name.suffix in {".pyc", ".pem", ".key", ".img"}]


def test_the_wheel_holds_the_steps_that_migrate_a_store(bare: BareInstall) -> None:
    folder = ROOT / "appliance/box/migrations"
    steps = {str(path.relative_to(ROOT)) for path in folder.rglob("*.py")}
    assert len(steps) >= 3
    assert steps <= set(zipfile.ZipFile(bare.wheel).namelist())


def test_the_command_explains_itself(bare: BareInstall) -> None:
    done = bare.run("updatebox", "-h")
    assert done.returncode == 0, done.stderr
    assert "device" in done.stdout


@pytest.mark.parametrize("command", ["box", "tui", "demo"])
def test_a_command_of_the_box_names_the_extra_it_needs(bare: BareInstall, command: str) -> None:
    done = bare.run("updatebox", command)
    assert done.returncode == 2
    assert "updatebox[box]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "package", ["media_format", "appliance.trust", "appliance.media", "appliance.device", "appliance.vendor"]
)
def test_every_module_a_device_or_a_vendor_uses_loads(bare: BareInstall, package: str) -> None:
    done = bare.run(
        "python", "-W", "error", "-c", "\n".join(f"import {name}" for name in modules_below(package))
    )
    assert (done.returncode, done.stderr) == (0, "")
