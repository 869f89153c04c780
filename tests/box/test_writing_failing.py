"""A write that fails or is cancelled: what stands on the medium then."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session as Transaction

from appliance.box import Cancel, fleet
from appliance.media import open_medium
from media_format.errors import MachineFault, Misuse
from media_format.progress import Progress, silent
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Data, VolumeInfo
from tests.box.media import acts, asked, on_medium, put_lists, revoke
from tests.tools import require
from tests.trust_world import refused
from tests.workshop import files


def test_a_cancelled_write_leaves_the_medium_as_it_was(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path, "pump-1", "pump-2")
    (stick / "holiday.jpg").write_bytes(b"not ours")
    before = {**files(stick), **on_medium(stick, "TRUST")}
    seen: list[Progress] = []
    with pytest.raises(Cancel):
        box.service.write(
            stick,
            ("pump-1", "pump-2"),
            box.session,
            seen.append,
            cancelled=lambda: sum(step.phase == "read back" for step in seen) > 0,
        )
    left = {name: data for name, data in files(stick).items() if "TRUST" not in name}
    assert left == before
    assert acts(box)[-2:] == ["withdraw", "withdraw"]
    box.service.write(stick, ("pump-1", "pump-2"), box.session, silent)


def test_where_one_of_several_cannot_be_entered_no_device_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, box, stick = asked(tmp_path, "pump-1", "pump-2")
    keep = fleet.written

    def failing(transaction: Transaction, ids: tuple[str, ...], *what: Any) -> None:
        if ids == ("pump-2",):
            raise MachineFault("the disk is full")
        keep(transaction, ids, *what)

    monkeypatch.setattr(fleet, "written", failing)
    with pytest.raises(MachineFault, match="full"):
        box.service.write(stick, ("pump-1", "pump-2"), box.session, silent)
    assert on_medium(stick) == {}
    assert [(one.id, one.waiting) for one in box.service.devices()] == [("pump-1", None), ("pump-2", None)]
    assert acts(box)[-4:] == ["seal", "seal", "withdraw", "withdraw"]


class Full(DirectoryVolume):
    """A medium with this much room, which counts what is begun on it."""

    room = 0
    begun = 0

    def info(self) -> VolumeInfo:
        found = super().info()
        return VolumeInfo(found.kind, found.label, found.capacity, self.room, 4096)

    def begin(self, path: str, size: int) -> int:
        type(self).begun += 1
        return super().begin(path, size)


def test_a_medium_without_room_for_all_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, box, stick = asked(tmp_path, "pump-1", "pump-2")
    before = files(stick)
    monkeypatch.setattr(Full, "room", 2_000_000)  # enough for the first package, not for both
    monkeypatch.setattr("appliance.box.machine.open_medium", lambda path, **_: Full(path))
    with refused(Code.MEDIUM_FULL):
        box.service.write(stick, ("pump-1", "pump-2"), box.session, silent)
    assert (files(stick), Full.begun) == (before, 0)


class Lying(DirectoryVolume):
    """A medium that keeps the wrong bits of one file."""

    part = ""

    def append(self, ticket: int, data: Data) -> None:
        name = self._new[ticket].name
        if name == self.part:
            data = bytes([bytes(data)[0] ^ 1]) + bytes(data)[1:]
        super().append(ticket, data)


@pytest.mark.parametrize("part", ["MANIFEST.CBR", "CHUNKS.CBR", "PAYLOAD.000", "ENVELOPE.CBR"])
def test_a_medium_that_keeps_other_bits_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    _, box, stick = asked(tmp_path)
    monkeypatch.setattr(Lying, "part", part)
    monkeypatch.setattr("appliance.box.machine.open_medium", lambda path, **_: Lying(path))
    with refused(Code.DIGEST_MISMATCH):
        box.service.write(stick, ("pump-17",), box.session, silent)
    assert on_medium(stick) == {}
    assert acts(box)[-1] == "withdraw"


class Pulled(DirectoryVolume):
    """A medium that stops answering after a number of appended runs."""

    left = 0

    def append(self, ticket: int, data: Data) -> None:
        if Pulled.left == 0:
            raise Refusal(Code.MEDIUM_PULLED, "gone")
        Pulled.left -= 1
        super().append(ticket, data)

    def delete(self, path: str) -> None:
        raise Refusal(Code.MEDIUM_PULLED, "gone")


def test_what_a_pulled_medium_keeps_is_no_package_and_goes_with_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, box, stick = asked(tmp_path)
    monkeypatch.setattr(Pulled, "left", 6)
    monkeypatch.setattr("appliance.box.machine.open_medium", lambda path, **_: Pulled(path))
    with refused(Code.MEDIUM_PULLED):
        box.service.write(stick, ("pump-17",), box.session, silent)
    monkeypatch.undo()
    left = on_medium(stick)
    assert left
    assert not any("ENVELOPE" in name for name in left)
    box.service.write(stick, ("pump-17",), box.session, silent)
    assert len(list((stick / "UPDATEBX/PACKAGES").iterdir())) == 1


def test_damage_in_the_store_does_not_reach_a_medium(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    payload = next((box.folder / "packages").rglob("PAYLOAD.000"))
    data = bytearray(payload.read_bytes())
    data[len(data) // 2] ^= 1
    payload.write_bytes(data)
    with pytest.raises(MachineFault, match="import the release again"):
        box.service.write(stick, ("pump-17",), box.session, silent)
    assert on_medium(stick) == {}


def test_a_refused_write_does_not_change_a_fat_image(tmp_path: Path) -> None:
    shop, box, stick = asked(tmp_path)
    image = tmp_path / "stick.img"
    with image.open("wb") as file:
        file.truncate(34 * 1024 * 1024)
    subprocess.run([require("mkfs.fat"), "-F", "32", "-s", "1", image], check=True, capture_output=True)
    before = image.read_bytes()
    with pytest.raises(Misuse):
        box.service.write(image, ("pump-99",), box.session, silent)
    revoke(shop, "DEVICE_IDENTITY")
    put_lists(shop, stick)
    box.service.collect(stick)
    with refused(Code.REVOKED):
        box.service.write(image, ("pump-17",), box.session, silent)
    assert image.read_bytes() == before
    open_medium(image, writable=False).close()
