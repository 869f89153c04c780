"""A release that is unlike those of its line before it is signed only when that is said to be meant."""

from __future__ import annotations

import pytest

from tests.cli.disks import disk_of
from tests.cli.workshop import Said, Workshop, firmware, run


def order(shop: Workshop, version: str, *options: object, slot: str = "rootfs", out: str = "typed") -> Said:
    """What the vendor says to an order."""
    image = shop.folder / "typed.img"
    image.write_bytes(firmware(version))
    what = ("--product", "infusion-pump", "--version", version, "--component", f"{slot}={image}")
    where = ("--for", shop.folder / "box.pem", "--out", shop.folder / out)
    return run("vendor", "release", shop.vendor, *what, *where, *options, *shop.passphrase())


def is_asked(shop: Workshop, said: Said, *words: str) -> None:
    """The order is refused in these words, and nothing was written."""
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("misuse: ")
    assert [word for word in words if word not in said.err] == []
    assert not (shop.folder / "typed").exists()


def test_a_slot_that_no_release_of_the_line_had_is_asked_about(running: Workshop) -> None:
    is_asked(running, order(running, "1.2.0", slot="roofts"), "roofts", "were rootfs", "--new-slot")
    assert order(running, "1.2.0", "--new-slot", slot="roofts").status == 0
    assert order(running, "1.3.0", slot="roofts", out="next").status == 0


def test_another_line_has_other_slots_and_versions(running: Workshop) -> None:
    assert order(running, "0.1", "--line", "beta", slot="loader").status == 0


def test_a_version_that_is_there_already_is_asked_about(running: Workshop) -> None:
    is_asked(running, order(running, "1.0.0"), "1.0.0 is release 1 of infusion-pump", "--any-version")
    assert order(running, "1.0.0", "--any-version").status == 0


@pytest.mark.parametrize("version", ["1.0.9", "v1.0.10", "0.9", "1"])
def test_a_version_older_than_the_last_is_asked_about(running: Workshop, version: str) -> None:
    is_asked(running, order(running, version), f"{version} is older than 1.1.0", "--any-version")


@pytest.mark.parametrize("version", ["1.1.0-rc2", "1.1", "1.10.0", "v2", "2026-11"])
def test_what_is_not_older_by_its_numbers_is_signed(running: Workshop, version: str) -> None:
    assert order(running, version).status == 0


def test_a_directory_with_a_release_in_it_gets_no_second_one_unasked(running: Workshop) -> None:
    before = sorted((running.folder / "1.1.0").rglob("*"))
    said = order(running, "1.2.0", out="1.1.0")
    assert said.status == 2
    assert "1.1.0 holds 1 package already" in said.err
    assert "--add" in said.err
    assert sorted((running.folder / "1.1.0").rglob("*")) == before
    assert order(running, "1.2.0", "--add", out="1.1.0").status == 0


def test_a_mounted_medium_takes_several_releases(running: Workshop) -> None:
    stick = running.folder / "mounted"
    stick.mkdir()
    with disk_of(stick):
        assert order(running, "1.2.0", out="mounted").status == 0
        assert order(running, "1.3.0", out="mounted").status == 0
