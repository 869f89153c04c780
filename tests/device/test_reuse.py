"""Chunks that a package leaves out come from what runs, and from nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.device import Device, install
from appliance.device.batches import check_presence
from appliance.device.configuration import FILE_NAME, read_configuration
from media_format.objects import Outcome
from media_format.refusal import Code
from tests.device.medium import flip, kept_receipts, requests
from tests.reuse import BASE, changed, envelope, payload, scene
from tests.workshop import CHUNK, apply, ask, files, make_image, now, only, update


def test_a_package_holds_what_is_new_and_the_device_finds_the_rest(tmp_path: Path) -> None:
    world = scene(tmp_path)
    image = changed(BASE, 7, 8, 30)
    world.offer(image)
    assert 3 * CHUNK < payload(world.stick) < 4 * CHUNK
    update(world.device, world.stick)
    assert world.device.verify_boot().version == "1.1"
    assert world.holds("a", image)
    assert world.holds("b", BASE)


def test_chunks_are_found_wherever_they_stood_before(tmp_path: Path) -> None:
    world = scene(tmp_path)
    chunks = [BASE[at : at + CHUNK] for at in range(0, len(BASE) - CHUNK, CHUNK)]
    image = b"".join(reversed(chunks)) + chunks[3]
    world.offer(image)
    assert payload(world.stick) < CHUNK
    update(world.device, world.stick)
    assert world.holds("a", image)


def test_a_repeat_of_a_chunk_that_the_package_leaves_out_is_installed(tmp_path: Path) -> None:
    world = scene(tmp_path)
    image = BASE[: 5 * CHUNK] + BASE[2 * CHUNK : 4 * CHUNK] + changed(BASE, 9)[7 * CHUNK :]
    world.offer(image)
    update(world.device, world.stick)
    assert world.holds("a", image)


def test_a_release_without_anything_new_needs_no_payload(tmp_path: Path) -> None:
    world = scene(tmp_path)
    world.offer(BASE)
    assert payload(world.stick) < 100
    update(world.device, world.stick)
    assert world.device.verify_boot().version == "1.1"
    assert world.holds("a", BASE)


def test_each_component_takes_chunks_from_its_own_namesake(tmp_path: Path) -> None:
    world = scene(tmp_path)
    kernel = make_image("kernel", 20)
    device = world.shop.device("pump-2", slots=("kernel", "rootfs"))
    for version, images in (
        ("1.1", {"kernel": kernel, "rootfs": BASE}),
        ("1.2", {"kernel": BASE, "rootfs": changed(BASE, 5)}),
    ):
        stick = world.shop.medium(version)
        world.box.take(world.shop.release(version, images))
        ask(device, stick)
        world.box.write(stick, "pump-2")
        update(device, stick)
    assert payload(stick) > len(BASE) - 3 * CHUNK
    slots = world.shop.device_folder("pump-2") / "slots"
    assert (slots / "kernel.a").read_bytes()[: len(BASE)] == BASE
    assert (slots / "rootfs.a").read_bytes()[: len(BASE)] == changed(BASE, 5)


def test_a_device_that_is_told_not_to_asks_for_everything(tmp_path: Path) -> None:
    world = scene(tmp_path)
    set_reuse(world.folder, False)
    device = Device.open(world.folder, now)
    ask(device, world.stick)
    assert [request.reuse for request in requests(world.stick)] == [False]


def test_a_device_that_is_told_not_to_refuses_a_package_that_builds_on_what_runs(tmp_path: Path) -> None:
    world = scene(tmp_path)
    world.offer(changed(BASE, 7))
    set_reuse(world.folder, False)
    assert only(apply(Device.open(world.folder, now), world.stick)).code is Code.UNSUPPORTED_FORMAT


def set_reuse(folder: Path, value: bool) -> None:
    """Change a device's configuration."""
    path = folder / FILE_NAME
    path.write_text(replace(read_configuration(path.read_text()), reuse=value).to_toml())


def test_a_device_without_a_release_of_its_own_does_not_offer_any(tmp_path: Path) -> None:
    world = scene(tmp_path)
    ask(world.shop.device("pump-2"), world.stick)
    assert [request.reuse for request in requests(world.stick)] == [False]


# A base that is not right


def rot(folder: Path, chunk: int = 20, bank: str = "b") -> None:
    """Change one bit of a bank."""
    flip(folder / f"slots/rootfs.{bank}", chunk * CHUNK + 17)


def test_a_base_that_does_not_measure_right_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    world = scene(tmp_path)
    world.offer(changed(BASE, 7))
    rot(world.folder)
    before = files(world.folder / "slots"), (world.folder / "boot.cbor").read_bytes()
    assert only(apply(world.device, world.stick)).code is Code.WRONG_BASE
    assert (files(world.folder / "slots"), (world.folder / "boot.cbor").read_bytes()) == before
    assert not (world.folder / "journal.cbor").exists()
    last = kept_receipts(world.folder)[-1]
    assert (last.outcome, last.code) == (Outcome.REFUSED, Code.WRONG_BASE)


@pytest.mark.parametrize("place", [200, -1])
def test_a_base_whose_manifest_was_damaged_does_not_stop_the_next_package(tmp_path: Path, place: int) -> None:
    world = scene(tmp_path)
    image = changed(BASE, 7)
    world.offer(image)
    (kept,) = (world.folder / "manifests").iterdir()
    good = kept.read_bytes()
    kept.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place:][1:])
    assert only(apply(world.device, world.stick)).code is Code.WRONG_BASE
    kept.write_bytes(good)
    world.box.write(world.stick, "pump-17")
    update(world.device, world.stick)
    assert world.holds("a", image)


def test_the_request_after_a_wrong_base_leads_to_a_whole_package_which_installs(tmp_path: Path) -> None:
    world = scene(tmp_path)
    image = changed(BASE, 7)
    world.offer(image)
    rot(world.folder)
    apply(world.device, world.stick)
    rot(world.folder)
    assert [request.reuse for request in requests(world.stick)] == [False]
    world.box.write(world.stick, "pump-17")
    assert envelope(world.stick).present is None
    update(world.device, world.stick)
    assert world.holds("a", image)


def test_a_base_that_failed_is_one_again_when_it_was_installed_anew(tmp_path: Path) -> None:
    world = scene(tmp_path)
    world.offer(BASE, "1.1")
    rot(world.folder)
    apply(world.device, world.stick)
    world.box.write(world.stick, "pump-17")
    update(world.device, world.stick)
    world.offer(changed(BASE, 3), "1.2")
    assert envelope(world.stick).present is not None
    update(world.device, world.stick)
    assert world.holds("b", changed(BASE, 3))


def test_a_package_is_refused_again_when_its_base_failed_before(tmp_path: Path) -> None:
    world = scene(tmp_path)
    world.offer(changed(BASE, 7))
    rot(world.folder)
    apply(world.device, world.stick)
    rot(world.folder)
    assert only(apply(world.device, world.stick)).code is Code.WRONG_BASE


def test_a_repair_takes_nothing_from_a_bank_that_measures_wrong(tmp_path: Path) -> None:
    world = scene(tmp_path)
    rot(world.folder)
    ask(world.device, world.stick)
    world.box.service.admit(world.stick)
    (release,) = world.box.service.releases()
    world.box.service.write(
        world.stick, ("pump-17",), world.box.session, lambda _: None, release=release.manifest_digest
    )
    assert envelope(world.stick).present is None
    assert only(apply(world.device, world.stick, retry=True)).outcome is Outcome.INSTALLED
    assert world.holds("a", BASE)


@pytest.mark.parametrize("place", [0, 20, 40])
def test_a_chunk_that_rots_while_the_package_is_written_reaches_no_bank_and_stops_nothing(
    tmp_path: Path, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = scene(tmp_path)
    image = changed(BASE, 7)
    world.offer(image)

    def check_then_rot(*given: Any) -> None:
        check_presence(*given)
        rot(world.folder, place)

    monkeypatch.setattr(install, "check_presence", check_then_rot)
    assert only(apply(world.device, world.stick)).code is Code.WRONG_BASE
    assert world.device.status().banks == {"rootfs": 1}
    rot(world.folder, place)
    world.box.write(world.stick, "pump-17")
    update(world.device, world.stick)
    assert world.holds("a", image)
