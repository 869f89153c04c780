"""Which chunks a box leaves out, for whom, and what it says about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box import WriteResult
from media_format import limits
from media_format.errors import MachineFault
from media_format.objects import Mode
from media_format.progress import Progress, silent
from media_format.refusal import Refusal
from tests.device.medium import flip
from tests.reuse import BASE, Scene, changed, envelope, payload, scene
from tests.workshop import ALL_MODES, CHUNK, Workshop, ask, update


def runs(stick: Path) -> list[tuple[int, int]]:
    """The runs of the one package on a medium."""
    present = envelope(stick).present
    assert present is not None
    return [(run.first, run.count) for run in present.runs]


def asked(tmp_path: Path, image: bytes, base: bytes = BASE) -> Scene:
    """A device that runs `base` has asked; the box has `image` for it."""
    world = scene(tmp_path, base)
    world.box.take(world.shop.release("1.1", {"rootfs": image}))
    ask(world.device, world.stick)
    world.box.service.admit(world.stick)
    return world


def written(world: Scene, *, whole: bool = False) -> WriteResult:
    return world.box.service.write(world.stick, ("pump-17",), world.box.session, silent, whole=whole)


def test_the_chunks_that_are_new_stand_in_runs(tmp_path: Path) -> None:
    world = asked(tmp_path, changed(BASE, 5, 6, 20))
    written(world)
    assert runs(world.stick) == [(5, 2), (20, 1)]


def test_chunks_that_store_nothing_divide_no_run(tmp_path: Path) -> None:
    image = changed(BASE, 5, 8)
    image = image[: 6 * CHUNK] + bytes(CHUNK) + image[5 * CHUNK : 6 * CHUNK] + image[8 * CHUNK :]
    world = asked(tmp_path, image)
    written(world)
    assert runs(world.stick) == [(5, 4)]


def test_the_result_says_what_was_written_and_what_a_whole_package_takes(tmp_path: Path) -> None:
    world = asked(tmp_path, changed(BASE, 5))
    (package,) = written(world).packages
    assert package.size == payload(world.stick)
    assert package.size < CHUNK + 200 < len(BASE) - 4 * CHUNK < package.whole


def test_progress_runs_up_to_what_is_written(tmp_path: Path) -> None:
    world = asked(tmp_path, changed(BASE, 5))
    seen: list[Progress] = []
    world.box.service.write(world.stick, ("pump-17",), world.box.session, seen.append)
    assert {progress.total for progress in seen} == {payload(world.stick)}


def test_a_whole_package_is_written_where_one_is_asked_for(tmp_path: Path) -> None:
    world = asked(tmp_path, changed(BASE, 5))
    (package,) = written(world, whole=True).packages
    assert envelope(world.stick).present is None
    assert package.size == package.whole


def test_a_release_that_shares_nothing_is_written_whole(tmp_path: Path) -> None:
    world = asked(tmp_path, changed(BASE, *range(41)))
    written(world)
    assert envelope(world.stick).present is None


def test_a_base_that_the_box_does_not_hold_is_none(tmp_path: Path) -> None:
    world = scene(tmp_path)
    other = world.shop.box("box-2")
    release = world.shop.release("1.1", {"rootfs": changed(BASE, 5)})
    other.take(release)
    ask(world.device, world.stick)
    other.write(world.stick, "pump-17")
    assert envelope(world.stick).present is None
    update(world.device, world.stick)


def test_a_device_whose_bank_was_changed_gets_everything(tmp_path: Path) -> None:
    world = scene(tmp_path)
    flip(world.folder / "slots/rootfs.b", 9 * CHUNK)
    world.offer(changed(BASE, 5))
    assert envelope(world.stick).present is None
    update(world.device, world.stick)


@pytest.mark.parametrize("name", ["CHUNKS.CBR", "MANIFEST.CBR", "PAYLOAD.000", "ENVELOPE.CBR"])
def test_a_base_that_rotted_in_the_store_stops_nothing(tmp_path: Path, name: str) -> None:
    world = scene(tmp_path)
    flip(next((world.box.folder / "packages").glob(f"*/{name}")))
    world.offer(changed(BASE, 5))
    update(world.device, world.stick)
    assert world.holds("a", changed(BASE, 5))


def test_a_chunk_that_rotted_in_the_store_is_not_written(tmp_path: Path) -> None:
    world = asked(tmp_path, changed(BASE, 5))
    (base, new) = sorted(
        (world.box.folder / "packages").iterdir(), key=lambda folder: folder.stat().st_mtime_ns
    )
    assert base != new
    flip(new / "PAYLOAD.000", 4 * CHUNK)
    with pytest.raises((Refusal, MachineFault)):
        written(world)
    assert not list((world.stick / "UPDATEBX").glob("PACKAGES/*"))


def test_a_shared_package_leaves_out_what_all_of_its_devices_have(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, ALL_MODES)
    box, stick = shop.box(), shop.medium()
    devices = [shop.device(name) for name in ("pump-1", "pump-2")]
    box.take(shop.release("1.0", {"rootfs": BASE}))
    for number, version in enumerate(("1.0", "1.1")):
        for device in devices:
            ask(device, stick)
        if version == "1.1":
            box.take(shop.release("1.1", {"rootfs": changed(BASE, 5)}))
        box.write(stick, "pump-1", "pump-2", mode=Mode.SHARED)
        present = envelope(stick).present
        assert (present is None) == (number == 0)
        for device in devices:
            update(device, stick)
    for name in ("pump-1", "pump-2"):
        assert (shop.device_folder(name) / "slots/rootfs.a").read_bytes()[: len(BASE)] == changed(BASE, 5)


def test_a_shared_package_for_devices_that_run_different_releases_is_whole(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, ALL_MODES)
    box, stick = shop.box(), shop.medium("first")
    devices = [shop.device(name) for name in ("pump-1", "pump-2")]
    box.take(shop.release("1.0", {"rootfs": BASE}))
    ask(devices[0], stick)
    box.write(stick, "pump-1")
    update(devices[0], stick)
    second = shop.medium()
    box.take(shop.release("1.1", {"rootfs": changed(BASE, 5)}))
    for device in devices:
        ask(device, second)
    box.write(second, "pump-1", "pump-2", mode=Mode.SHARED)
    assert envelope(second).present is None


def test_a_package_that_is_not_encrypted_leaves_chunks_out_too(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, ALL_MODES)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    for version, image in (("1.0", BASE), ("1.1", changed(BASE, 5))):
        box.take(shop.release(version, {"rootfs": image}))
        ask(device, stick)
        box.write(stick, "pump-17", mode=Mode.SIGNED)
        update(device, stick)
    assert payload(stick) == CHUNK
    assert (shop.device_folder() / "slots/rootfs.a").read_bytes()[: len(BASE)] == changed(BASE, 5)


def test_where_there_are_more_runs_than_allowed_the_smallest_gaps_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_RUNS", 2)
    image = changed(BASE, 4, 6, 10, 30)
    world = asked(tmp_path, image)
    written(world)
    assert runs(world.stick) == [(4, 7), (30, 1)]
    update(world.device, world.stick)
    assert world.holds("a", image)
