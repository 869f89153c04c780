"""Packages that come back with a backup: onto their own disk, and no more of them than there may be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.box.faults import FaultCode
from appliance.box.room import RESERVE
from media_format.errors import MachineFault
from media_format.limits import MIB
from media_format.progress import silent
from tests.box.restores import SECRET, restored
from tests.cli.disks import disk_of
from tests.workshop import Box, Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def emptied(shop: Workshop) -> tuple[Box, Path]:
    """A box that has lost its packages, and a backup that holds them."""
    box, file = shop.box(), shop.folder / "backup"
    box.take(shop.release("1.0"))
    box.service.backup(file, SECRET, box.session, silent, packages=True)
    for package in (box.folder / "packages").iterdir():
        shutil.rmtree(package)
    return box, file


def test_packages_come_back_onto_a_disk_of_their_own(shop: Workshop) -> None:
    box, file = emptied(shop)
    with disk_of(box.folder / "packages", 32 * MIB):
        assert restored(box.folder, file).releases == ()
        assert shop.reopened(box).service.check(silent) == ()


def test_a_restore_brings_no_more_packages_than_the_quota_allows(shop: Workshop) -> None:
    box, file = emptied(shop)
    settings = box.folder / "box.toml"
    settings.write_text(settings.read_text().replace("quota = 0", "quota = 1000"))
    before = box.service.ledger()
    with pytest.raises(MachineFault, match=r"box\.toml allows 1000") as raised:
        restored(box.folder, file)
    assert raised.value.code == FaultCode.QUOTA
    assert (list((box.folder / "packages").iterdir()), box.service.ledger()) == ([], before)


def test_a_restore_leaves_what_packages_leave_free_of_their_disk(shop: Workshop) -> None:
    box, file = emptied(shop)
    with disk_of(box.folder / "packages", RESERVE + 4096) as disk:
        with pytest.raises(MachineFault, match="are free for it") as raised:
            restored(box.folder, file)
        assert raised.value.code == FaultCode.FULL
        assert list(disk.iterdir()) == []


def test_for_an_import_the_disk_counts_on_which_the_packages_lie(shop: Workshop) -> None:
    box, release = shop.box(), shop.release("1.0")
    with disk_of(box.folder / "packages", RESERVE + 4096) as disk:
        with pytest.raises(MachineFault, match="are free for it") as raised:
            box.take(release)
        assert raised.value.code == FaultCode.FULL
        assert list(disk.iterdir()) == []
