"""On a disk without a free byte people see what the box has, and retire releases to make room."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.disks import disk_of, fill, make_room
from tests.cli.workshop import Said, Workshop, run_program


def box(*act: object) -> Said:
    """A verb of the box, in a program of its own: none that goes on holds the database."""
    return run_program("box", *act, "--json")


def retire(shop: Workshop, version: str) -> Said:
    return box("retire", shop.box, "--release", shop.release_digest(version), *shop.pin())


def fill_up(folder: Path) -> None:
    """Take every byte, after a program has put the database's log away, which would give some back."""
    box("rules", folder)
    fill(folder)


def free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def test_every_list_is_shown_on_a_full_disk_as_often_as_wanted(running: Workshop) -> None:
    with disk_of(running.box):
        before = {verb: box(verb, running.box).data for verb in ("devices", "ledger")}
        fill_up(running.box)
        for _ in range(2):
            for verb, shown in before.items():
                assert box(verb, running.box).data == shown
            said = box("status", running.box)
            assert (said.status, said.data["ok"]) == (0, True), said.err


def test_retiring_makes_room_on_a_full_disk_for_what_had_none(running: Workshop) -> None:
    with disk_of(running.box):
        fill_up(running.box)
        full = box("collect", running.box, running.stick)
        assert (full.status, full.data["code"]) == (1, "store-full"), full.err
        said = retire(running, "1.0.0")
        assert said.status == 0, said.err
        assert free(running.box) > 0
        assert [one["version"] for one in box("releases", running.box).data["releases"]] == ["1.1.0"]
        assert box("ledger", running.box).data["entries"][1]["act"] == "retire"


def test_an_act_that_finds_no_room_leaves_what_retiring_needs(running: Workshop) -> None:
    with disk_of(running.box):
        fill_up(running.box)
        for _ in range(2):
            said = box("collect", running.box, running.stick)
            assert (said.status, said.data["code"]) == (1, "store-full"), said.err
            wrong = running.folder / "wrong"
            wrong.write_text("000001\n")
            asked = ("--release", running.release_digest("1.0.0"), "--pin-file", wrong)
            assert box("retire", running.box, *asked).data["code"] == "pin-wrong"
        assert retire(running, "1.0.0").status == 0


def test_a_box_that_was_full_for_a_while_is_whole(running: Workshop) -> None:
    with disk_of(running.box):
        fill_up(running.box)
        box("devices", running.box)
        retire(running, "1.0.0")
        make_room(running.box)
        assert box("status", running.box, "--check").data["findings"] == []
        assert box("admit", running.box, running.stick).status == 0
