"""Backup and restore: the box is as it was, or nothing has changed; what is lost is said and entered."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.box import BoxService, Person, Restored, UserRole
from appliance.box.backup_contents import open_backup
from appliance.trust.auditing import audit
from appliance.trust.bundle import Bundle
from media_format.errors import Misuse
from media_format.objects import Entitlement, Role
from media_format.progress import silent
from media_format.refusal import Code, Refusal
from tests.trust_world import refused
from tests.workshop import PIN, TPM, Box, Workshop, ask, delivered, files, now, update

SECRET = "a long passphrase"
CHIEF = Person("chief", PIN)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A box with a release, a device, its receipts and a rule, and backups of it."""
    shop = Workshop(tmp_path_factory.mktemp("backup"))
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.service.collect(stick)
    box.service.put_rule(Entitlement(allowed=False, product="valve"), box.session)
    box.service.backup(shop.folder / "small", SECRET, box.session, silent)
    box.service.backup(shop.folder / "whole", SECRET, box.session, silent, packages=True)
    return shop


@pytest.fixture
def shop(world: Workshop, tmp_path: Path) -> Workshop:
    """A copy of all that."""
    copy = Workshop.__new__(Workshop)
    copy.__dict__.update(world.__dict__)
    copy.folder = tmp_path / "shop"
    shutil.copytree(world.folder, copy.folder)
    return copy


def opened(shop: Workshop, name: str = "box-1") -> Box:
    service = BoxService.open(shop.folder / name, now=now)
    return Box(shop.folder / name, service, service.unlock("chief", PIN))


def restored(shop: Workshop, file: str = "whole", name: str = "box-1", person: Person = CHIEF) -> Restored:
    return BoxService.restore(shop.folder / name, shop.folder / file, SECRET, person, now=now)


def knowledge(box: Box) -> tuple[object, ...]:
    service = box.service
    return service.releases(), service.devices(), service.receipts(), service.rules(), service.users()


# The same box


def test_a_box_that_lost_everything_but_its_tpm_is_as_it_was(shop: Workshop) -> None:
    before = knowledge(opened(shop))
    for path in (shop.folder / "box-1").iterdir():
        if path.name != "tpm":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = restored(shop)
    assert (found.same, found.lost, found.releases) == (True, 0, ())
    box = opened(shop)
    assert knowledge(box) == before
    state = box.service.check_ledger()
    assert (state.findings, state.signed) == ((), state.entries)
    assert box.service.ledger(1)[0].act == "restore"


def test_a_restored_box_goes_on_working(shop: Workshop) -> None:
    restored(shop)
    box, device, stick = opened(shop), shop.device("pump-18"), shop.medium("other")
    ask(device, stick)
    box.write(stick, "pump-18")
    update(device, stick)
    assert all(entry.new for entry in box.service.collect(stick))
    assert box.service.check_ledger().findings == ()


@pytest.mark.parametrize("more", [0, 3])
def test_what_is_lost_is_not_counted_where_the_backup_is_of_another_branch(shop: Workshop, more: int) -> None:
    restored(shop, "small")
    box = opened(shop)
    for number in range(more):
        box.service.put_rule(Entitlement(allowed=False, product=f"valve-{number}"), box.session)
    found = restored(shop, "whole")
    assert (found.same, found.lost) == (True, None)


def test_what_came_after_the_backup_is_lost_and_the_ledger_says_so(shop: Workshop) -> None:
    box = opened(shop)
    head = box.service.ledger(1)[0]
    device, stick = shop.device("pump-20"), shop.medium("other")
    ask(device, stick)
    box.service.admit(stick)
    newest = box.service.ledger(1)[0]
    found = restored(shop)
    assert found.lost == newest.sequence - head.sequence == 1
    box = opened(shop)
    assert [info.id for info in box.service.devices()] == ["pump-17"]
    entry = box.service.ledger(1)[0]
    assert (entry.who, entry.act, entry.signed) == ("chief", "restore", True)
    assert f"up to entry {head.sequence}" in entry.detail
    assert f"the TPM remembered entry {newest.sequence} {newest.digest.hex()}" in entry.detail
    assert box.service.check_ledger().findings == ()


def test_a_box_whose_database_is_ruined_is_restored_and_the_ruin_is_kept(shop: Workshop) -> None:
    before = knowledge(opened(shop))
    for path in (shop.folder / "box-1").glob("box.db*"):
        path.write_bytes(b"\xff" * 8192)
    restored(shop)
    assert knowledge(opened(shop)) == before
    assert (shop.folder / "box-1/box.db.damaged").read_bytes() == b"\xff" * 8192


def test_a_backup_without_packages_says_which_releases_to_import_again(shop: Workshop) -> None:
    shutil.rmtree(shop.folder / "box-1/packages")
    assert restored(shop, "small").releases == ("pump 1.0",)


def test_another_program_that_has_the_store_open_sees_the_restored_one(shop: Workshop) -> None:
    box = opened(shop)
    box.service.put_rule(Entitlement(allowed=False, product="pump"), box.session)
    assert len(box.service.rules()) == 2
    restored(shop)
    assert len(box.service.rules()) == 1


# People


def test_nobody_who_was_removed_comes_back_with_a_backup(shop: Workshop) -> None:
    box = opened(shop)
    box.service.add_user("ann", UserRole.SUPERVISOR, "141421", box.session)
    box.service.backup(shop.folder / "with-ann", SECRET, box.session, silent)
    box.service.remove_user("ann", box.session)
    with refused(Code.PIN_WRONG):
        restored(shop, "with-ann", person=Person("ann", "141421"))
    restored(shop, "with-ann")
    assert [user.name for user in opened(shop).service.users()] == ["chief"]
    (shop.folder / "box-1/box.db").unlink()
    with refused(Code.TPM_UNAVAILABLE):
        restored(shop, "with-ann", person=Person("ann", "141421"))


def test_only_a_supervisor_makes_and_restores_backups(shop: Workshop) -> None:
    box = opened(shop)
    box.service.add_user("bob", UserRole.TECHNICIAN, "141421", box.session)
    with pytest.raises(Misuse, match="supervisor"):
        box.service.backup(shop.folder / "bobs", SECRET, box.service.unlock("bob", "141421"), silent)
    with pytest.raises(Misuse, match="supervisor"):
        restored(shop, person=Person("bob", "141421"))
    with refused(Code.PIN_WRONG):
        restored(shop, person=Person("chief", "999999"))
    assert not (shop.folder / "bobs").exists()


def test_a_wrong_passphrase_frightens_nobody_with_the_lock_of_the_box(shop: Workshop) -> None:
    with pytest.raises(Refusal, match="pin-wrong: the passphrase is not the backup's") as raised:
        BoxService.restore(shop.folder / "box-1", shop.folder / "small", f"{SECRET}!", CHIEF, now=now)
    assert raised.value.advice.startswith("The passphrase is wrong;") and "lock" not in raised.value.advice


# Another box


def test_a_new_box_takes_over_devices_receipts_and_denials_and_keeps_what_is_its_own(shop: Workshop) -> None:
    old = opened(shop)
    new = shop.box("box-2")
    found = restored(shop, name="box-2")
    assert (found.same, found.releases, found.lost) == (False, ("pump 1.0",), None)
    assert new.service.receipts() == old.service.receipts()
    assert [info.id for info in new.service.devices()] == ["pump-17"]
    assert new.service.rules() == old.service.rules()
    assert (new.service.id, new.service.releases()) == ("box-2", ())
    assert new.service.check_ledger().findings == ()
    assert found.former_ledger is not None
    with found.former_ledger.open("rb") as file:
        kept = audit(file, Bundle(shop.vendor.anchor, ()))
    assert (kept.box, kept.findings, kept.entries) == ("box-1", (), found.entries)


def test_a_new_box_refuses_an_old_request_that_the_former_box_had_seen(shop: Workshop) -> None:
    device, stick = shop.device("pump-19"), shop.medium("asked")
    ask(device, stick)
    first = copied(stick, shop.folder / "first")
    ask(device, stick)
    old = opened(shop)
    old.service.admit(stick)
    old.service.backup(shop.folder / "later", SECRET, old.session, silent)
    new = shop.box("box-4")
    restored(shop, "later", name="box-4")
    assert [entry.code for entry in new.service.admit(first)] == [Code.REQUEST_REPLAYED]


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


def test_a_box_without_certificates_takes_a_backup_over_and_is_enrolled_afterwards(shop: Workshop) -> None:
    request = BoxService.create(shop.folder / "box-3", "box-3", "chief", PIN, tpm=TPM, now=now)
    assert restored(shop, name="box-3").devices == 1
    service = BoxService.open(shop.folder / "box-3", now=now)
    service.install_certificates(shop.vendor.enrol(Role.BOX, request).bundle)
    assert [info.id for info in service.devices()] == ["pump-17"]


def test_an_empty_folder_says_how_to_make_a_box_first(shop: Workshop) -> None:
    with pytest.raises(Misuse, match="box init"):
        restored(shop, name="nowhere")


# What is no backup, or another one than was made


def test_a_backup_changed_anywhere_is_refused_and_changes_nothing(shop: Workshop) -> None:
    path = shop.folder / "small"
    good, before = path.read_bytes(), files(shop.folder / "box-1")
    for place in [*range(0, 120, 11), *range(120, len(good), len(good) // 12), len(good) - 1]:
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with refused(
            *(Code.MALFORMED, Code.PIN_WRONG, Code.DECRYPTION_FAILED, Code.UNSUPPORTED_FORMAT, Code.TOO_LARGE)
        ):
            restored(shop, "small")
    assert files(shop.folder / "box-1") == before


def test_a_backup_cut_off_anywhere_is_refused_and_changes_nothing(shop: Workshop) -> None:
    path = shop.folder / "small"
    good, before = path.read_bytes(), files(shop.folder / "box-1")
    for length in [0, 10, 30, 90, *range(200, len(good), len(good) // 10), len(good) - 1]:
        path.write_bytes(good[:length])
        with refused(Code.MALFORMED, Code.PIN_WRONG, Code.DECRYPTION_FAILED):
            restored(shop, "small")
    assert files(shop.folder / "box-1") == before


def test_another_passphrase_opens_nothing(shop: Workshop) -> None:
    with refused(Code.PIN_WRONG):
        BoxService.restore(shop.folder / "box-1", shop.folder / "small", "something else", CHIEF, now=now)


def test_the_backup_of_another_vendors_box_is_refused(shop: Workshop, tmp_path: Path) -> None:
    other = Workshop(tmp_path / "other")
    box = other.box()
    box.service.backup(shop.folder / "theirs", SECRET, box.session, silent)
    before = files(shop.folder / "box-1")
    with refused(Code.CHAIN_INVALID):
        restored(shop, "theirs")
    assert files(shop.folder / "box-1") == before


def test_no_key_and_no_pin_is_in_a_backup_that_was_opened(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop)
    secret = (box.folder / "tpm/machine-secret").read_bytes()
    (tmp_path / "out").mkdir()
    open_backup(shop.folder / "whole", SECRET, tmp_path / "out", None)
    unpacked = b"".join(files(tmp_path / "out").values())
    assert secret not in unpacked
    assert box.session.authorisation.secret not in unpacked
    assert PIN.encode() not in unpacked


def test_a_backup_does_not_replace_a_file_and_wants_a_passphrase_that_protects(shop: Workshop) -> None:
    box = opened(shop)
    with pytest.raises(Misuse, match="there already"):
        box.service.backup(shop.folder / "small", SECRET, box.session, silent)
    with pytest.raises(Misuse, match="at least 8"):
        box.service.backup(shop.folder / "new", "short", box.session, silent)
    assert not (shop.folder / "new").exists()
