"""Writing a medium: for whom, in which mode, and what was revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box import BoxService, importing
from appliance.box.machine import Machine
from appliance.box.schema import ReleaseRow
from appliance.trust.verifier import PackageBytes
from media_format.errors import MachineFault, Misuse
from media_format.objects import Mode, Outcome
from media_format.payload.cobblestone import Opener, Sealer
from media_format.payload.context import payload_context
from media_format.progress import silent
from media_format.refusal import Code, Refusal
from tests.box.media import acts, asked, on_medium, put_lists, revoke
from tests.trust_world import refused
from tests.workshop import ALL_MODES, Workshop, apply, ask, delivered, files, now, update


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
