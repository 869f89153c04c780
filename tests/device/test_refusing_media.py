"""Slots that do not keep what was written, media that are pulled or answer twice differently."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.device import Device
from appliance.device.storage import DiskStorage
from media_format.objects import Outcome
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Data
from tests.device.medium import kept_receipts
from tests.device.scenes import closing_volume, scene
from tests.trust_world import refused
from tests.workshop import apply, ask, make_image, now, only, update

# The device's own storage


class Miswriting(DiskStorage):
    """Storage that loses a bit of every write to a slot, as worn flash does."""

    def write(self, descriptor: int, data: Data, offset: int) -> None:
        changed = bytearray(data)
        changed[len(changed) // 2] ^= 1
        super().write(descriptor, changed, offset)


def test_a_slot_that_does_not_read_back_fails_is_remembered_and_begins_anew_on_a_retry(
    tmp_path: Path,
) -> None:
    shop, _, device, stick = scene(tmp_path)
    folder = shop.device_folder()
    boot = (folder / "boot.cbor").exists()
    failing = Device.open(folder, now, Miswriting())
    result = only(apply(failing, stick))
    assert (result.outcome, result.code) == (Outcome.FAILED, Code.SLOT_READBACK_MISMATCH)
    assert (folder / "boot.cbor").exists() == boot
    assert only(apply(device, stick)).code is Code.PREVIOUSLY_FAILED
    assert only(apply(device, stick, retry=True)).outcome is Outcome.INSTALLED
    image = make_image("1.0")
    assert (folder / "slots/rootfs.b").read_bytes()[: len(image)] == image


# The medium


class Pulled(DirectoryVolume):
    """A medium that is pulled after a number of reads of the payload."""

    def __init__(self, root: Path, reads: int) -> None:
        super().__init__(root)
        self._reads = reads

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        if "PAYLOAD" in path:
            if self._reads == 0:
                raise Refusal(Code.MEDIUM_PULLED, "gone")
            self._reads -= 1
        return super().read_run(path, offset, length)


class Lying(DirectoryVolume):
    """A medium that gives another manifest, envelope and table at the second reading."""

    def __init__(self, root: Path, other: Path) -> None:
        super().__init__(root)
        self._other = DirectoryVolume(other)
        self._seen: set[str] = set()

    def read_object(self, path: str, limit: int) -> bytes:
        if path in self._seen and "PACKAGES" in path:
            (folder,) = self._other.list("UPDATEBX/PACKAGES")
            return self._other.read_object(f"UPDATEBX/PACKAGES/{folder.name}/{path.rsplit('/')[-1]}", limit)
        self._seen.add(path)
        return super().read_object(path, limit)

    def close(self) -> None:
        self._other.close()
        super().close()


@pytest.mark.parametrize("reads", [0, 1])
def test_a_medium_pulled_midway_is_no_refusal_and_the_next_try_ends_installed(
    tmp_path: Path, reads: int
) -> None:
    shop, _, device, stick = scene(tmp_path)
    with closing_volume(Pulled(stick, reads)) as volume, refused(Code.MEDIUM_PULLED):
        device.apply(volume)
    assert kept_receipts(shop.device_folder()) == []
    assert device.verify_boot().version is None
    update(device, stick)


def test_a_medium_that_answers_the_second_reading_differently_changes_nothing(tmp_path: Path) -> None:
    shop, box, device, stick = scene(tmp_path)
    other = shop.medium("other")
    ask(device, other)
    box.take(shop.release("1.1"))
    box.write(other, "pump-17")
    with closing_volume(Lying(stick, other)) as volume:
        assert {package.version for package in device.apply(volume).packages} == {"1.0"}
    assert device.verify_boot().version == "1.0"
