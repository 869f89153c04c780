"""What can be wrong with a box's store: each fault has a name and a next step; mended, the box goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.box import BoxService
from appliance.box.faults import FaultCode
from appliance.box.room import RESERVE
from appliance.cli.clock import now
from media_format import layout
from tests.cli.disks import disk_of, fill, make_room, read_only
from tests.cli.workshop import Said, Workshop, mounted, run_program
from tests.tools import require_root


def says(said: Said, code: FaultCode, *words: str) -> None:
    """Check exit status, first word, JSON and next step of a fault."""
    assert said.status == 1, (said.status, said.err)
    assert said.err.startswith(f"{code}: "), said.err
    assert len(said.err.splitlines()) == 2
    data = said.data
    assert (data["ok"], data["code"]) == (False, code)
    assert data["detail"]
    assert data["advice"]
    for word in words:
        assert word in said.err


def is_whole(shop: Workshop) -> None:
    """The checker finds nothing, and the ledger verifies."""
    assert done("status", shop.box, "--check")["findings"] == []


def done(*act: object) -> dict[str, Any]:
    """A verb of the box that succeeds, in a program of its own: none that goes on holds the database."""
    said = run_program("box", *act, "--json")
    assert said.status == 0, said.err
    return said.data


def acts(shop: Workshop) -> dict[str, tuple[object, ...]]:
    """What people do at a box that has a release for PUMP-1, and its receipt on the stick."""
    return {
        "import": ("import", shop.box, shop.folder / "1.1.0", *shop.pin()),
        "admit": ("admit", shop.box, shop.stick),
        "write": ("write", shop.box, shop.stick, "--device", "PUMP-1", *shop.pin()),
        "collect": ("collect", shop.box, shop.stick),
    }


@pytest.fixture
def reporting(delivered: Workshop) -> Workshop:
    """PUMP-1 runs 1.0.0; its request and receipts are on the stick; 1.1.0 was built and is not imported."""
    delivered.install()
    delivered.do("device", "request", delivered.device, delivered.stick)
    delivered.make_release("1.1.0")
    return delivered


def test_a_full_disk_is_named_and_nothing_is_lost_when_there_is_room_again(reporting: Workshop) -> None:
    before = done("ledger", reporting.box)["entries"]
    with disk_of(reporting.box):
        fill(reporting.box)
        for act in acts(reporting).values():
            says(run_program("box", *act, "--json"), FaultCode.FULL, "Make room")
        make_room(reporting.box)
        after = done("ledger", reporting.box)["entries"]
        assert after[-len(before) :] == before
        for act in acts(reporting).values():
            done(*act)
        is_whole(reporting)


def test_a_disk_that_fills_up_under_a_running_kiosk_is_named(reporting: Workshop) -> None:
    with disk_of(reporting.box):
        kiosk = BoxService.open(reporting.box, now=now)
        known = kiosk.releases(), kiosk.ledger()
        fill(reporting.box)
        for act in acts(reporting).values():
            said = run_program("box", *act, "--json")
            assert said.data["code"] in (FaultCode.FULL, "tpm-unavailable"), said.err
            assert "make room" in said.err.lower() or "No space left" in said.err
        make_room(reporting.box)
        assert (kiosk.releases(), kiosk.ledger()) == known
        for act in acts(reporting).values():
            done(*act)
        is_whole(reporting)


def test_a_disk_without_room_for_a_release_is_named_before_anything_is_copied(reporting: Workshop) -> None:
    with disk_of(reporting.box):
        filler = reporting.box / "others"
        with filler.open("wb") as file:
            free = shutil.disk_usage(reporting.box).free
            os.posix_fallocate(file.fileno(), 0, free - RESERVE - 100_000)
        packages = sorted((reporting.box / "packages").rglob("*"))
        said = run_program("box", *acts(reporting)["import"], "--json")
        says(said, FaultCode.FULL, "are free for it")
        assert sorted((reporting.box / "packages").rglob("*")) == packages
        filler.unlink()
        done(*acts(reporting)["import"])


def test_a_read_only_disk_is_named_and_the_box_goes_on_when_it_is_remounted(reporting: Workshop) -> None:
    with disk_of(reporting.box):
        with read_only(reporting.box):
            for act in (*acts(reporting).values(), ("releases", reporting.box), ("status", reporting.box)):
                says(run_program("box", *act, "--json"), FaultCode.READ_ONLY, "writing")
        for act in acts(reporting).values():
            done(*act)
        is_whole(reporting)


def test_a_full_disk_of_the_tpm_is_named_and_nothing_is_lost(reporting: Workshop) -> None:
    with disk_of(reporting.box / "tpm") as disk:
        fill(disk)
        for act in acts(reporting).values():
            said = run_program("box", *act, "--json")
            assert (said.status, said.data["code"]) == (5, "tpm-unavailable"), said.err
            assert f": No space left on device; make room on the disk of {disk}, then do it again" in said.err
            assert said.err.startswith(f"tpm-unavailable: {disk}/"), said.err
        make_room(disk)
        for act in acts(reporting).values():
            done(*act)
        is_whole(reporting)


def test_a_read_only_disk_of_the_tpm_is_named(reporting: Workshop) -> None:
    with disk_of(reporting.box / "tpm") as disk, read_only(disk):
        said = run_program("box", *acts(reporting)["write"], "--json")
        assert (said.status, said.data["code"]) == (5, "tpm-unavailable"), said.err
        assert f"Read-only file system; mount the disk of {disk} for writing" in said.err


def settled(box: Path) -> Path:
    """The database of a box, in its one file."""
    path = box / "box.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not path.with_name("box.db-wal").exists()
    return path


def overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def something_else(path: Path) -> None:
    path.write_bytes(b"this is a letter\n" * 1000)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [overwritten, cut_off, something_else, emptied, Path.unlink])
def test_a_damaged_database_is_named_and_put_back_the_box_goes_on(
    delivered: Workshop, damage: Callable[[Path], None]
) -> None:
    path = settled(delivered.box)
    kept = path.read_bytes()
    damage(path)
    for act in (("releases", delivered.box), ("admit", delivered.box, delivered.stick)):
        says(run_program("box", *act, "--json"), FaultCode.DAMAGED, "backup")
    for left in delivered.box.glob("box.db*"):
        left.unlink()
    path.write_bytes(kept)
    done("admit", delivered.box, delivered.stick)
    is_whole(delivered)


def test_a_program_says_what_is_wrong_in_two_lines(delivered: Workshop) -> None:
    overwritten(settled(delivered.box))
    said = run_program("box", "releases", delivered.box)
    assert said.status == 1
    assert said.err.startswith("store-damaged: ")
    assert "Traceback" not in said.err


@pytest.mark.parametrize("part", ["PAYLOAD.000", "CHUNKS.CBR", "ENVELOPE.CBR"])
def test_a_package_file_that_is_gone_is_named_and_an_import_brings_it_back(
    running: Workshop, part: str
) -> None:
    for path in (running.box / "packages").glob(f"*/{part}"):
        path.unlink()
    write = ("box", "write", running.box, running.stick, "--device", "PUMP-1", *running.pin())
    says(run_program(*write, "--json"), FaultCode.PACKAGE_MISSING, "Import the release again")
    done("import", running.box, running.folder / "1.0.0", *running.pin())
    done("import", running.box, running.folder / "1.1.0", *running.pin())
    is_whole(running)
    done(*write[1:])


def test_a_package_file_that_rotted_is_named_and_an_import_mends_it(running: Workshop) -> None:
    for path in (running.box / "packages").glob("*/PAYLOAD.000"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    write = ("box", "write", running.box, running.stick, "--device", "PUMP-1", "--whole", *running.pin())
    says(run_program(*write, "--json"), FaultCode.PACKAGE_DAMAGED, "PAYLOAD.000", "Import the release again")
    done("import", running.box, running.folder / "1.1.0", *running.pin())
    done(*write[1:])


@contextmanager
def belonging_to(user: int, *paths: Path) -> Iterator[None]:
    require_root()
    for path in paths:
        os.chown(path, user, -1)
    try:
        yield
    finally:
        for path in paths:
            os.chown(path, os.geteuid(), -1)


@pytest.mark.parametrize("name", ["", "box.db"])
def test_a_store_of_another_user_is_named_and_left_alone(delivered: Workshop, name: str) -> None:
    before = sorted(path.name for path in delivered.box.iterdir())
    with belonging_to(65534, delivered.box / name):
        says(run_program("box", "releases", delivered.box, "--json"), FaultCode.OWNER, "nobody", "chown")
        assert sorted(path.name for path in delivered.box.iterdir()) == before
    is_whole(delivered)


@pytest.mark.parametrize("name", ["BOX-2", "BOX-1"], ids=["another name", "the same name"])
def test_a_database_of_another_box_is_named_and_left_alone(enrolled: Workshop, name: str) -> None:
    other = enrolled.folder / "second"
    done("init", other, "--id", name, *enrolled.pin())
    done("status", other)
    own, theirs = settled(enrolled.box), settled(other)
    kept, foreign = own.read_bytes(), theirs.read_bytes()
    shutil.copyfile(theirs, own)
    says(run_program("box", "admit", enrolled.box, enrolled.stick, "--json"), FaultCode.MIXED, name)
    assert settled(enrolled.box).read_bytes() == foreign
    own.write_bytes(kept)
    is_whole(enrolled)


def test_a_write_whose_last_entry_fails_leaves_no_package_on_the_medium(delivered: Workshop) -> None:
    stick = delivered.fresh_stick("second.img")
    with closing(sqlite3.connect(delivered.box / "box.db")) as database:
        database.execute("CREATE UNIQUE INDEX once ON ledger (act) WHERE act = 'write'")
    said = run_program("box", "write", delivered.box, stick, "--device", "PUMP-1", *delivered.pin())
    assert said.status == 1
    assert "UNIQUE constraint failed: ledger.act" in said.err
    with mounted(stick) as volume:
        assert volume.list(layout.PACKAGES) == ()
    assert done("ledger", delivered.box)["entries"][0]["act"] == "withdraw"
