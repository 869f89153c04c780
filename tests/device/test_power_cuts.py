"""The power fails at every durable write: the device boots, goes on, and ends where it was going."""

from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.device import Device, install
from appliance.device.pipeline import Pipeline
from appliance.device.storage import DiskStorage
from media_format import cose
from media_format.objects import Outcome, Receipt
from tests import reuse
from tests.device.power import Cut, Manner, Power, device_on
from tests.workshop import CHUNK, Workshop, apply, ask, delivered, make_image, now, update


def manners(*chosen: Manner) -> pytest.MarkDecorator:
    """Run a test once for each of these; installs take seconds, and share them out."""
    return pytest.mark.parametrize("manner", chosen, ids=lambda manner: manner.name.lower())


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A durable point after every second chunk: images here are small."""
    monkeypatch.setattr(install, "Pipeline", functools.partial(Pipeline, durable_every=2 * CHUNK))


@dataclass
class Scene:
    """A device and a stick, as they stood before the act that is cut off."""

    folder: Path
    stick: Path
    kept: Path

    @classmethod
    def of(cls, folder: Path, stick: Path) -> Scene:
        """Remember a device and a stick."""
        kept = folder.with_name("kept")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept / "device")
        shutil.copytree(stick, kept / "stick")
        return cls(folder, stick, kept)

    def again(self) -> None:
        """Put both back."""
        for path, name in ((self.folder, "device"), (self.stick, "stick")):
            shutil.rmtree(path)
            shutil.copytree(self.kept / name, path)

    def cut_everywhere(self, act: Callable[[Device], object], manner: Manner) -> Iterator[Device]:
        """Cut `act` off at each of its writes in turn; what is given back is the device with power again."""
        for place in range(10_000):
            self.again()
            try:
                act(device_on(Power(place, manner), self.folder))
            except Cut:
                yield Device.open(self.folder, now)
            else:
                assert place > 3, "the act has too few writes to be the one meant"
                return

    def reported(self) -> list[Outcome]:
        """What the device's receipts say, the oldest first."""
        found = []
        for path in sorted((self.folder / "receipts").glob("*.rcp")):
            signed = cose.read_sign1(path.read_bytes(), Receipt.CONTENT_TYPE, Receipt.LIMIT)
            found.append(Receipt.from_bytes(signed.payload))
        for before, after in itertools.pairwise(found):
            assert after.counter == before.counter + 1
        return [receipt.outcome for receipt in found]

    def holds(self, bank: str, image: bytes) -> bool:
        """Whether a bank begins with an image."""
        return (self.folder / f"slots/rootfs.{bank}").read_bytes()[: len(image)] == image


def prepared(tmp_path: Path) -> tuple[Workshop, Scene]:
    """A device that has never been updated, and a stick with its first release."""
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    return shop, Scene.of(shop.device_folder(), stick)


@manners(Manner.TORN, Manner.AFTER)
def test_an_install_cut_off_anywhere_ends_installed(tmp_path: Path, manner: Manner) -> None:
    _, scene = prepared(tmp_path)
    factory = (scene.folder / "slots/rootfs.a").read_bytes()
    for device in scene.cut_everywhere(lambda device: apply(device, scene.stick), manner):
        assert device.verify_boot().version in (None, "1.0")
        apply(device, scene.stick)
        assert device.verify_boot().version == "1.0"
        assert device.confirm() == "1.0"
        assert scene.holds("b", make_image("1.0"))
        assert scene.holds("a", factory)
        assert scene.reported() == [Outcome.INSTALLED, Outcome.CONFIRMED]


@manners(Manner.BEFORE, Manner.LOST)
def test_a_second_install_cut_off_anywhere_leaves_the_first_release_running(
    tmp_path: Path, manner: Manner
) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    second = shop.medium("second")
    delivered(shop, box, device, "1.1", second)
    scene = Scene.of(shop.device_folder(), second)
    for device in scene.cut_everywhere(lambda device: apply(device, scene.stick), manner):
        assert device.verify_boot().version in ("1.0", "1.1")
        assert scene.holds("b", make_image("1.0"))
        apply(device, scene.stick)
        assert device.verify_boot().version == "1.1"
        assert device.confirm() == "1.1"
        assert scene.reported()[-2:] == [Outcome.INSTALLED, Outcome.CONFIRMED]


@manners(Manner.TORN, Manner.LOST)
def test_an_install_that_takes_chunks_from_what_runs_cut_off_anywhere_ends_installed(
    tmp_path: Path, manner: Manner
) -> None:
    world = reuse.scene(tmp_path, make_image("base", 12))
    image = reuse.changed(make_image("base", 12), 2, 7, 8)
    world.offer(image)
    scene = Scene.of(world.folder, world.stick)
    for device in scene.cut_everywhere(lambda device: apply(device, scene.stick), manner):
        assert device.verify_boot().version in ("1.0", "1.1")
        assert scene.holds("b", make_image("base", 12))
        apply(device, scene.stick)
        assert device.verify_boot().version == "1.1"
        assert device.confirm() == "1.1"
        assert scene.holds("a", image)
        assert scene.reported()[-2:] == [Outcome.INSTALLED, Outcome.CONFIRMED]


@manners(Manner.BEFORE, Manner.AFTER)
def test_a_boot_and_a_confirmation_cut_off_anywhere_end_confirmed(tmp_path: Path, manner: Manner) -> None:
    _, scene = prepared(tmp_path)
    apply(Device.open(scene.folder, now), scene.stick)
    scene = Scene.of(scene.folder, scene.stick)

    def boot_and_confirm(device: Device) -> None:
        device.verify_boot()
        device.confirm()

    for device in scene.cut_everywhere(boot_and_confirm, manner):
        assert device.verify_boot().version == "1.0"
        if device.status().pending:
            device.confirm()
        status = device.status()
        assert (status.version, status.index, status.pending) == ("1.0", 1, None)
        assert scene.reported() == [Outcome.INSTALLED, Outcome.CONFIRMED]


@manners(Manner.BEFORE, Manner.AFTER)
def test_a_fall_back_cut_off_anywhere_ends_at_the_release_before(tmp_path: Path, manner: Manner) -> None:
    _, scene = prepared(tmp_path)
    device = Device.open(scene.folder, now)
    apply(device, scene.stick)
    for _ in range(3):
        device.verify_boot()
    scene = Scene.of(scene.folder, scene.stick)
    for device in scene.cut_everywhere(lambda device: device.verify_boot(), manner):
        device.verify_boot()
        status = device.status()
        assert (status.version, status.pending, status.on_trial) == (None, None, False)
        assert scene.reported() == [Outcome.INSTALLED, Outcome.FAILED]


@manners(Manner.BEFORE, Manner.AFTER)
def test_a_request_cut_off_anywhere_can_be_written_again(tmp_path: Path, manner: Manner) -> None:
    shop = Workshop(tmp_path)
    shop.device()
    scene = Scene.of(shop.device_folder(), shop.medium())
    for place in range(10_000):
        scene.again()
        try:
            ask(device_on(Power(place, manner), scene.folder), scene.stick)
        except Cut:
            ask(Device.open(scene.folder, now), scene.stick)
            assert len(list((scene.stick / "UPDATEBX/REQUESTS").glob("*.REQ"))) == 1
        else:
            return


def test_the_power_supply_reaches_every_durable_write_of_a_device() -> None:
    names = {name for name in vars(DiskStorage) if not name.startswith("_")}
    assert names == {"write", "sync", "replace", "remove"}
