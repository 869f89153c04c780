"""Sealing a release for boxes that were enrolled after it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.vendor import Built, SealOrder, Vendor
from media_format.errors import Misuse
from media_format.progress import silent
from media_format.refusal import Code
from tests.trust_world import refused
from tests.workshop import Box, Release, Workshop, ask, files, make_image, update, volume_in


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def first(shop: Workshop) -> Release:
    """A release for box-1 alone."""
    shop.box("box-1")
    return shop.release("1.0", {"rootfs": make_image("1.0"), "hook": b"#!/bin/sh\n"})


def images(shop: Workshop) -> dict[str, Path]:
    return {slot: shop.folder / f"1.0-{slot}.img" for slot in ("rootfs", "hook")}


def sealed_again(shop: Workshop, release: Release, box: str, **changes: Path) -> Release:
    """The release sealed for another box, in a directory of its own."""
    folder = shop.medium(f"again-for-{box}")
    order = SealOrder({**images(shop), **changes}, (shop.boxes[box],))
    with volume_in(folder) as volume, volume_in(release.folder) as source:
        built = shop.vendor.seal(volume, source, order, silent)
    return Release(folder, built)


def test_a_box_that_came_later_takes_the_same_release_and_delivers_it(shop: Workshop, first: Release) -> None:
    later = shop.box("box-2")
    with refused(Code.NOT_FOR_THIS_DEVICE):
        later.take(first)
    again = sealed_again(shop, first, "box-2")
    later.take(again)
    (held,) = later.service.releases()
    assert (held.manifest_digest, held.index) == (first.built.manifest_digest, 1)
    assert again.built.package_id != first.built.package_id
    device, stick = shop.device(slots=("rootfs", "hook")), shop.medium()
    ask(device, stick)
    later.write(stick, "pump-17")
    update(device, stick)
    assert device.status().version == "1.0"


def test_a_release_that_is_sealed_again_takes_no_index_of_its_own(shop: Workshop, first: Release) -> None:
    shop.box("box-2")
    sealed_again(shop, first, "box-2")
    assert len(shop.vendor.released) == 1
    assert shop.release("1.1").built.index == 2


def test_who_sealed_it_again_is_in_the_register_and_can_be_revoked(shop: Workshop, first: Release) -> None:
    later: Box = shop.box("box-2")
    known = {entry.serial for entry in shop.vendor.issued}
    again = sealed_again(shop, first, "box-2")
    (sealer,) = [entry for entry in shop.vendor.issued if entry.serial not in known]
    assert sealer.purpose == "RELEASE_SEALER"
    shop.vendor.revoke(int(sealer.serial, 16))
    with volume_in(again.folder) as volume:
        for name, data in zip(("A.CRL", "B.CRL", "C.CRL", "D.CRL"), shop.vendor.crls(), strict=True):
            ticket = volume.begin(f"UPDATEBX/TRUST/{name}", len(data))
            volume.append(ticket, data)
            volume.commit(ticket)
    with refused(Code.REVOKED):
        later.take(again)


def refused_without_a_trace(shop: Workshop, release: Release, message: str, **changes: Path) -> None:
    shop.box("box-2")
    known = shop.vendor.issued
    with pytest.raises(Misuse, match=message):
        sealed_again(shop, release, "box-2", **changes)
    assert files(shop.medium("again-for-box-2")) == {}
    assert shop.vendor.issued == known


def test_other_images_are_not_taken(shop: Workshop, first: Release) -> None:
    path = shop.folder / "other.img"
    data = bytearray(make_image("1.0"))
    data[-1] ^= 1
    path.write_bytes(data)
    refused_without_a_trace(shop, first, "is not the image of rootfs that was released", rootfs=path)


def test_a_component_that_the_release_has_not_is_not_taken(shop: Workshop, first: Release) -> None:
    refused_without_a_trace(shop, first, "no component for kernel", kernel=shop.folder / "1.0-rootfs.img")


def test_every_component_must_be_named(shop: Workshop, first: Release) -> None:
    shop.box("box-2")
    order = SealOrder({"rootfs": images(shop)["rootfs"]}, (shop.boxes["box-2"],))
    with (
        volume_in(shop.medium()) as volume,
        volume_in(first.folder) as source,
        pytest.raises(Misuse, match="missing: hook"),
    ):
        shop.vendor.seal(volume, source, order, silent)


def test_a_release_of_another_vendor_is_not_sealed(shop: Workshop, first: Release, tmp_path: Path) -> None:
    other = Workshop(tmp_path / "other")
    other.box("box-1")
    order = SealOrder(images(shop), (other.boxes["box-1"],))
    with (
        volume_in(other.medium()) as volume,
        volume_in(first.folder) as source,
        refused(Code.CHAIN_INVALID),
    ):
        other.vendor.seal(volume, source, order, silent)


def both_in_one_folder(shop: Workshop) -> tuple[Path, dict[str, Built]]:
    shop.box("box-1")
    folder = shop.medium("releases")
    built = {}
    with volume_in(folder) as volume:
        for version in ("1.0", "1.1"):
            built[version] = shop.vendor.release(volume, shop.order(version), silent)
    return folder, built


def test_of_several_releases_in_a_directory_one_is_named(shop: Workshop) -> None:
    folder, built = both_in_one_folder(shop)
    vendor: Vendor = shop.vendor
    named = {"rootfs": shop.folder / "1.0-rootfs.img"}
    with volume_in(shop.medium()) as volume, volume_in(folder) as source:
        with pytest.raises(Misuse, match=r"several releases; say which one is meant with --version"):
            vendor.seal(volume, source, SealOrder(named, (shop.boxes["box-1"],)), silent)
        again = vendor.seal(volume, source, SealOrder(named, (shop.boxes["box-1"],), "1.0"), silent)
    assert again.manifest_digest == built["1.0"].manifest_digest
