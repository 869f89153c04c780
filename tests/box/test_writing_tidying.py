"""What a write removes from a medium, and whose it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from media_format.crl_files import write_crls
from media_format.progress import silent
from media_format.volume.directory import DirectoryVolume
from tests.box.media import asked, on_medium
from tests.workshop import Workshop, apply, ask, files, only


def test_a_package_that_a_new_one_supersedes_goes_and_everybody_elses_stay(tmp_path: Path) -> None:
    shop, box, stick = asked(tmp_path, "pump-1", "pump-2")
    box.service.write(stick, ("pump-1", "pump-2"), box.session, silent)
    of_second = {
        name: data
        for name, data in on_medium(stick).items()
        if b"pump-2" in (stick / name).with_name("ENVELOPE.CBR").read_bytes()
    }
    stray = stick / "UPDATEBX/PACKAGES/NOTES.TXT"
    stray.write_bytes(b"mine")
    result = box.service.write(stick, ("pump-1",), box.session, silent)
    folders = {name.split("/")[2] for name in on_medium(stick)}
    assert len(folders) == 3
    assert of_second.items() <= on_medium(stick).items()
    assert result.packages[0].package_id[:4].hex().upper() in folders
    assert shop


def test_another_boxs_package_for_the_device_stays(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    first, second, stick = shop.box("box-1"), shop.box("box-2"), shop.medium()
    release = shop.release("1.0")
    ask(shop.device(), stick)
    for box in (first, second):
        box.take(release)
        box.write(stick, "pump-17")
    assert len(list((stick / "UPDATEBX/PACKAGES").iterdir())) == 2


def test_a_forged_envelope_does_not_make_the_box_delete_anything(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    box.service.write(stick, ("pump-17",), box.session, silent)
    (package,) = (stick / "UPDATEBX/PACKAGES").iterdir()
    forged = package.with_name("FFFFFFFF")
    shutil.copytree(package, forged)
    data = (forged / "ENVELOPE.CBR").read_bytes()
    (forged / "ENVELOPE.CBR").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    kept = files(forged)
    box.service.write(stick, ("pump-17",), box.session, silent)
    assert files(forged) == kept


def test_leftovers_with_something_else_among_them_stay(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    folders = stick / "UPDATEBX/PACKAGES"
    for name, parts in {
        "11111111": ("MANIFEST.CBR", "PAYLOAD.000"),
        "22222222": (),
        "33333333": ("MANIFEST.CBR", "DIARY.TXT"),
        "PHOTOS": ("PAYLOAD.000",),
    }.items():
        (folders / name).mkdir(parents=True)
        for part in parts:
            (folders / name / part).write_bytes(b"x")
    box.service.write(stick, ("pump-17",), box.session, silent)
    left = {path.name for path in folders.iterdir()}
    assert {"33333333", "PHOTOS"} < left
    assert len(left) == 3


def test_old_lists_make_room_for_the_new_ones(tmp_path: Path) -> None:
    shop, box, stick = asked(tmp_path)
    device = shop.device("pump-2")
    for _ in range(6):
        shop.vendor.renew_crls()
        put_lists_by_content(shop, stick)
    foreign = stick / "UPDATEBX/TRUST/FOREIGN.CRL"
    foreign.write_bytes(b"another vendor's")
    ask(device, stick)
    box.write(stick, "pump-2")
    kept = on_medium(stick, "TRUST")
    assert kept.pop("UPDATEBX/TRUST/FOREIGN.CRL") == b"another vendor's"
    assert len(kept) == 4
    assert only(apply(device, stick)).code is None


def put_lists_by_content(shop: Workshop, medium: Path) -> None:
    volume = DirectoryVolume(medium)
    try:
        write_crls(volume, shop.vendor.crls())
    finally:
        volume.close()
