"""A device that has nothing but the wheel is updated, from enrolment to receipt."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.system.bare_install import install_wheel
from tests.system.workshop import DEVICE_ID, Workshop

IMAGE = random.Random(11).randbytes(3 << 20) + bytes(1 << 20)
SLOT_SIZE = 8 << 20
HEAVY = {"textual", "sqlalchemy", "segno", "tui", "appliance.box", "appliance.vendor"}
"""What only the other roles need."""


def updated(folder: Path) -> Workshop:
    """A workshop whose device, from the bare wheel, has installed a release from a stick."""
    workshop = Workshop(folder, install_wheel(folder / "install"))
    workshop.enrol(["rootfs"], SLOT_SIZE)
    workshop.path("rootfs.img").write_bytes(IMAGE)
    workshop.release("2.0", {"rootfs": workshop.path("rootfs.img")})
    stick = workshop.stick("stick.img", 64 << 20)
    workshop.deliver(stick)
    workshop.on_the_device("apply", stick)
    return workshop


def test_a_device_with_nothing_but_the_wheel_is_updated(tmp_path: Path) -> None:
    workshop = updated(tmp_path)

    banks = [bank.read_bytes() for bank in workshop.banks("rootfs")]
    assert [bank.startswith(IMAGE) for bank in banks] in ([True, False], [False, True])
    collected = workshop.at_home("box", "collect", "box", workshop.path("stick.img"))
    assert DEVICE_ID in json.dumps(collected)


def test_the_bare_environment_has_neither_kiosk_nor_database(tmp_path: Path) -> None:
    bare = install_wheel(tmp_path)
    for module in ("textual", "sqlalchemy"):
        assert "ModuleNotFoundError" in bare.run("python", "-c", f"import {module}").stderr


@pytest.mark.parametrize("verb", ["request", "apply"])
def test_a_device_loads_nothing_of_the_other_roles_where_they_are_installed(
    tmp_path: Path, verb: str
) -> None:
    workshop = Workshop(tmp_path)
    workshop.enrol(["rootfs"], SLOT_SIZE)
    stick = workshop.stick("stick.img", 64 << 20)

    loaded = modules_loaded_by(workshop, "device", verb, "device", stick)

    assert {"appliance.device.service", "media_format.volume.fat"} <= loaded
    assert not {
        name for name in loaded if name in HEAVY or name.startswith(tuple(f"{each}." for each in HEAVY))
    }


def modules_loaded_by(workshop: Workshop, *words: object) -> set[str]:
    """The modules that a verb imports, as the interpreter itself lists them (-X importtime)."""
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run(workshop.command(*words), **workshop.plainly(), env=environment)
    assert done.returncode == 0, done.stderr
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}
