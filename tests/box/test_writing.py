"""Writing for devices: what stands on the medium afterwards, and what when it did not work."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.box import BoxService, Cancel, importing
from appliance.box.machine import Machine
from appliance.box.schema import ReleaseRow
from appliance.media import open_medium
from appliance.trust.verifier import PackageBytes
from media_format.crl_files import write_crls
from media_format.errors import MachineFault, Misuse
from media_format.objects import Mode, Outcome
from media_format.payload.cobblestone import Opener, Sealer
from media_format.payload.context import payload_context
from media_format.progress import Progress, silent
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Data, VolumeInfo
from tests.tools import require
from tests.trust_world import refused
from tests.workshop import ALL_MODES, Box, Workshop, apply, ask, delivered, files, now, only, update


def asked(tmp_path: Path, *names: str, shop: Workshop | None = None) -> tuple[Workshop, Box, Path]:
    """A box with a release, and a stick with the requests of devices."""
    shop = shop or Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    box.take(shop.release("1.0"))
    for name in names or ("pump-17",):
        ask(shop.device(name), stick)
    box.service.admit(stick)
    return shop, box, stick


def on_medium(stick: Path, what: str = "PACKAGES") -> dict[str, bytes]:
    """Files of one kind on a medium."""
    return {name: data for name, data in files(stick).items() if name.startswith(f"UPDATEBX/{what}/")}


def acts(box: Box) -> list[str]:
    """What the ledger says was done since the import."""
    found = [entry.act for entry in reversed(box.service.ledger())]
    return found[found.index("import") + 1 :]


def test_several_devices_get_packages_of_their_own_on_one_medium(tmp_path: Path) -> None:
    shop, box, stick = asked(tmp_path, "pump-1", "pump-2", "pump-3")
    result = box.service.write(stick, ("pump-1", "pump-2", "pump-3"), box.session, silent)
    assert [package.devices for package in result.packages] == [("pump-1",), ("pump-2",), ("pump-3",)]
    payloads = {data for name, data in on_medium(stick).items() if "PAYLOAD" in name}
    assert len(payloads) == 3
    assert acts(box) == ["admit"] * 3 + ["seal"] * 3 + ["write"] * 3
    assert shop.vendor.issued


def test_a_manifest_that_rotted_in_the_store_reaches_no_device(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    kept = next((box.folder / "packages").glob("*/MANIFEST.CBR"))
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    box.service.write(stick, ("pump-17",), box.session, silent)
    (written,) = [data for name, data in on_medium(stick).items() if name.endswith("MANIFEST.CBR")]
    assert written == good


def test_a_chunk_table_that_rotted_in_the_store_is_not_written(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    kept = next((box.folder / "packages").glob("*/CHUNKS.CBR"))
    good = kept.read_bytes()
    kept.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(MachineFault, match="import the release again"):
        box.service.write(stick, ("pump-17",), box.session, silent)
    assert on_medium(stick) == {}


def test_a_device_that_is_named_twice_gets_one_package(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    assert len(box.service.write(stick, ("pump-17", "pump-17"), box.session, silent).packages) == 1


def test_the_lists_of_the_box_go_along(tmp_path: Path) -> None:
    shop, box, stick = asked(tmp_path)
    box.service.write(stick, ("pump-17",), box.session, silent)
    assert set(on_medium(stick, "TRUST").values()) == set(shop.vendor.crls())


@pytest.mark.parametrize("mode", [Mode.SHARED, Mode.SIGNED])
def test_the_further_modes_are_not_written_unless_the_policy_allows_them(tmp_path: Path, mode: Mode) -> None:
    _, box, stick = asked(tmp_path)
    before = files(stick)
    with refused(Code.UNSUPPORTED_FORMAT):
        box.service.write(stick, ("pump-17",), box.session, silent, mode=mode)
    assert files(stick) == before


def test_a_shared_package_is_one_ciphertext_for_all(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, ALL_MODES)
    _, box, stick = asked(tmp_path, "pump-1", "pump-2", shop=shop)
    result = box.service.write(stick, ("pump-1", "pump-2"), box.session, silent, mode=Mode.SHARED)
    assert [package.devices for package in result.packages] == [("pump-1", "pump-2")]


def test_nothing_is_written_for_devices_that_did_not_ask(tmp_path: Path) -> None:
    _, box, stick = asked(tmp_path)
    before = files(stick)
    for devices in ((), ("pump-99",), ("pump-17", "pump-99")):
        with pytest.raises(Misuse):
            box.service.write(stick, devices, box.session, silent)
    with pytest.raises(Misuse, match="no release"):
        box.service.write(stick, ("pump-17",), box.session, silent, release=bytes(32))
    assert files(stick) == before


def test_a_device_that_has_the_newest_release_gets_nothing(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.service.admit(stick)
    with refused(Code.ALREADY_INSTALLED):
        box.service.write(stick, ("pump-17",), box.session, silent)


# A device or signer that was revoked


def revoke(shop: Workshop, purpose: str, holder: str | None = None) -> None:
    entry = next(
        entry for entry in shop.vendor.issued if entry.purpose == purpose and holder in (None, entry.id)
    )
    shop.vendor.revoke(int(entry.serial, 16))


def put_lists(shop: Workshop, medium: Path) -> None:
    folder = medium / "UPDATEBX/TRUST"
    folder.mkdir(parents=True, exist_ok=True)
    for number, der in enumerate(shop.vendor.crls()):
        (folder / f"NEW{number}.CRL").write_bytes(der)


@pytest.mark.parametrize("purpose", ["DEVICE_IDENTITY", "DEVICE_ENCRYPTION", "RELEASE_SIGNER"])
def test_a_list_on_the_medium_stops_the_write(tmp_path: Path, purpose: str) -> None:
    shop, box, stick = asked(tmp_path)
    revoke(shop, purpose)
    put_lists(shop, stick)
    with refused(Code.REVOKED):
        box.service.write(stick, ("pump-17",), box.session, silent)
    assert on_medium(stick) == {}


@pytest.mark.parametrize("look", ["admit", "collect", "import", "write"])
def test_a_list_that_was_seen_once_is_kept_whatever_the_box_was_asked(tmp_path: Path, look: str) -> None:
    shop, box, stick = asked(tmp_path, "pump-1", "pump-2")
    revoke(shop, "DEVICE_IDENTITY", "pump-1")
    other = shop.medium("other")
    put_lists(shop, other)
    try:
        if look == "import":
            box.service.import_release(other, box.session, silent)
        elif look == "write":
            box.service.write(other, ("pump-1",), box.session, silent)
        else:
            getattr(box.service, look)(other)
    except (Refusal, Misuse):
        pass
    with refused(Code.REVOKED):
        BoxService.open(box.folder, now=lambda: 0).write(stick, ("pump-1",), box.session, silent)
    box.service.write(stick, ("pump-2",), box.session, silent)


# Failing, and what is left then


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


# Tidying


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


def test_a_chunk_that_was_sealed_with_the_right_key_but_never_signed_reaches_no_device(
    tmp_path: Path,
) -> None:
    _, box, stick = asked(tmp_path)
    machine = Machine.open(box.folder, now)
    context, (release,) = machine.context(), box.service.releases()
    with machine.store.reading() as transaction:
        row = transaction.get(ReleaseRow, release.manifest_digest)
    assert row is not None
    payload = box.folder / "packages" / row.package_id.hex() / "PAYLOAD.000"
    with machine.store.package(row.package_id) as source:
        package = PackageBytes(row.manifest, source.envelope())
    verified = importing.admit(package, context.own, context.lists(), context.now)
    key = importing.content_key(verified, context.own, context.tpm, box.session)
    bound = payload_context(row.package_id, release.manifest_digest)
    opener, sealer = Opener(key, bound), Sealer(key, bound)
    stored = bytearray(opener.update(payload.read_bytes()) + opener.finalize())
    stored[len(stored) // 2] ^= 1
    payload.write_bytes(sealer.update(bytes(stored)) + sealer.finalize())

    with pytest.raises(MachineFault, match="import the release again"):
        box.service.write(stick, ("pump-17",), box.session, silent)
    assert on_medium(stick) == {}


def test_a_newer_request_on_the_medium_is_the_one_that_is_answered(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device("pump-17"), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.take(shop.release("1.1"))
    ask(device, stick)
    box.service.write(stick, ("pump-17",), box.session, silent)
    assert [package.outcome for package in apply(device, stick).packages] == [Outcome.INSTALLED]
