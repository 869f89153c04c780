"""The box's store: what is imported is whole, and a refused or interrupted import leaves nothing."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from appliance.box import BoxService, UserRole
from media_format import cbor
from media_format.errors import MachineFault, Misuse
from media_format.objects import Entitlement, Role
from media_format.package import PackageWriter
from media_format.progress import Progress, silent
from media_format.refusal import Code, Refusal
from tests.trust_world import refused
from tests.workshop import CHUNK, PIN, TPM, Act, Box, Release, Workshop, ask, files, make_image, now


def stored(box: Box) -> dict[str, bytes]:
    """The sealed packages in a box's store."""
    return files(box.folder / "packages")


def test_an_imported_release_is_listed_and_kept_as_it_was_sealed(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    release = shop.release("1.0", notes="Fixes the valve.")
    box.take(release)
    (info,) = box.service.releases()
    assert (info.version, info.index, info.notes) == ("1.0", 1, "Fixes the valve.")
    assert info.size == len(make_image("1.0"))
    assert sorted(stored(box).values()) == sorted(files(release.package).values())


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, release = shop.box(), shop.release("1.0")
    box.take(release)
    before = stored(box), box.service.ledger()
    box.take(release)
    assert (stored(box), box.service.ledger()) == before


def test_a_release_whose_files_were_lost_is_brought_back(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick, release = shop.box(), shop.device(), shop.medium(), shop.release("1.0")
    box.take(release)
    shutil.rmtree(next((box.folder / "packages").iterdir()))
    ask(device, stick)
    with pytest.raises(MachineFault, match="import the release again"):
        box.write(stick, "pump-17")
    box.take(release)
    box.write(stick, "pump-17")
    assert len(box.service.releases()) == 1


PARTS = {"MANIFEST.CBR": 31, "ENVELOPE.CBR": 61, "CHUNKS.CBR": 11, "PAYLOAD.000": 197}
"""The parts of a package, and every how many bytes one is changed: primes, so that every field is met."""


@pytest.mark.parametrize("part", PARTS)
def test_a_flipped_byte_anywhere_is_refused_and_leaves_nothing(tmp_path: Path, part: str) -> None:
    shop = Workshop(tmp_path)
    box, release = shop.box(), shop.release("1.0", {"rootfs": make_image("1.0", 2)[: 3 * CHUNK]})
    before = box.service.ledger()
    path = release.package / part
    good = path.read_bytes()
    for place in range(0, len(good), PARTS[part]):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(Refusal):
            box.take(release)
        assert (stored(box), box.service.releases(), box.service.ledger()) == ({}, (), before), place
    path.write_bytes(good)
    box.take(release)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_not_all_there_is_refused(tmp_path: Path, part: str) -> None:
    shop = Workshop(tmp_path)
    box, release = shop.box(), shop.release("1.0")
    path = release.package / part
    whole = path.read_bytes()
    for short in (whole[:-1], b""):
        path.write_bytes(short)
        with pytest.raises(Refusal):
            box.take(release)
        assert stored(box) == {}


@pytest.mark.parametrize("part", ["MANIFEST.CBR", "ENVELOPE.CBR", "PAYLOAD.000"])
def test_a_part_with_something_behind_it_is_refused(tmp_path: Path, part: str) -> None:
    shop = Workshop(tmp_path)
    box, release = shop.box(), shop.release("1.0")
    with (release.package / part).open("ab") as file:
        file.write(b"\0")
    with refused(Code.MALFORMED):
        box.take(release)
    assert stored(box) == {}


def test_what_else_lies_among_the_packages_is_removed_by_the_next_import(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    packages = box.folder / "packages"
    (packages / "note.txt").write_text("a file")
    (packages / "link").symlink_to(tmp_path)
    box.take(shop.release("1.0"))
    assert len(list(packages.iterdir())) == 1
    assert tmp_path.is_dir()


def test_an_import_that_was_interrupted_leaves_nothing_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(tmp_path)
    box, release, other = shop.box(), shop.release("1.0"), shop.release("1.1")

    class Killed(BaseException):
        pass

    def killed(progress: Progress) -> None:
        # Not even the cleaning up runs when a process is killed.
        monkeypatch.setattr(PackageWriter, "abandon", lambda _self: None)
        raise Killed

    with pytest.raises(Killed):
        box.service.import_release(release.folder, box.session, killed)
    monkeypatch.undo()
    assert stored(box)
    assert box.service.releases() == ()
    box.take(other)
    assert len(list((box.folder / "packages").iterdir())) == 1


def test_a_refused_release_does_not_keep_its_neighbours_out(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    medium = gathered(shop, shop.release("1.0"), shop.release("1.1"), shop.release("1.2"))
    damaged = sorted((medium / "UPDATEBX/PACKAGES").iterdir())[0] / "PAYLOAD.000"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\0")
    with pytest.raises(Refusal):
        box.service.import_release(medium, box.session, silent)
    assert len(box.service.releases()) == 2


def test_releases_for_other_boxes_are_passed_over(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    first = shop.box("box-1")
    mine = shop.release("1.0")
    shop.boxes.clear()
    shop.box("box-2")
    theirs = shop.release("1.1")
    first.service.import_release(gathered(shop, mine, theirs), first.session, silent)
    assert [release.version for release in first.service.releases()] == ["1.0"]
    with refused(Code.NOT_FOR_THIS_DEVICE):
        first.take(theirs)


def gathered(shop: Workshop, *releases: Release) -> Path:
    """One medium with several releases."""
    medium = shop.medium("gathered")
    for release in releases:
        shutil.copytree(release.folder, medium, dirs_exist_ok=True)
    return medium


def test_a_medium_without_a_release_is_not_what_was_asked_for(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    with pytest.raises(Misuse, match="holds no release"):
        box.service.import_release(shop.medium(), box.session, silent)


# Beginnings, certificates, people


@pytest.mark.parametrize(
    ("name", "supervisor", "pin"),
    [
        ("box-1", "chief", "12345"),
        ("box-1", "chief", "111111"),
        ("box-1", "", PIN),
        ("", "chief", PIN),
        ("x" * 65, "chief", PIN),
        ("box\n1", "chief", PIN),
    ],
)
def test_a_box_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, name: str, supervisor: str, pin: str
) -> None:
    with pytest.raises(Misuse):
        BoxService.create(tmp_path / "box", name, supervisor, pin, tpm=TPM, now=now)
    assert not (tmp_path / "box").exists()
    BoxService.create(tmp_path / "box", "box-1", "chief", PIN, tpm=TPM, now=now)
    with pytest.raises(Misuse, match="already"):
        BoxService.create(tmp_path / "box", "box-1", "chief", PIN, tpm=TPM, now=now)


def test_a_box_takes_its_own_certificates_only(tmp_path: Path) -> None:
    shop, other = Workshop(tmp_path / "a"), Workshop(tmp_path / "b")
    first = shop.box("box-1")
    shop.box("box-2")
    with pytest.raises(Misuse, match="box-2"):
        first.service.install_certificates(shop.boxes["box-2"])
    request = BoxService.create(tmp_path / "box-3", "box-3", "chief", PIN, tpm=TPM, now=now)
    service = BoxService.open(tmp_path / "box-3", now=now)
    service.install_certificates(shop.vendor.enrol(Role.BOX, request).bundle)
    with refused(Code.CHAIN_INVALID):
        service.install_certificates(other.vendor.enrol(Role.BOX, request).bundle)


def test_a_box_without_certificates_says_what_is_missing(tmp_path: Path) -> None:
    BoxService.create(tmp_path / "box", "box-1", "chief", PIN, tpm=TPM, now=now)
    service = BoxService.open(tmp_path / "box", now=now)
    status = service.status()
    assert (status.vendor, status.time, status.time_problem) == (None, None, "no certificates yet")
    with pytest.raises(Misuse, match="box certs"):
        service.admit(tmp_path)


def test_people_come_and_go_and_their_pins_are_theirs(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    service = box.service
    service.add_user("ann", UserRole.TECHNICIAN, "141421", box.session)
    assert service.unlock("ann", "141421").role is UserRole.TECHNICIAN
    with refused(Code.PIN_WRONG):
        service.unlock("ann", PIN)
    with refused(Code.PIN_WRONG):
        service.unlock("nobody", PIN)
    service.reset_user("ann", "161803", box.session)
    with refused(Code.PIN_WRONG):
        service.unlock("ann", "141421")
    service.unlock("ann", "161803")
    service.remove_user("ann", box.session)
    with refused(Code.PIN_WRONG):
        service.unlock("ann", "161803")
    with pytest.raises(Misuse, match="last supervisor"):
        service.remove_user("chief", box.session)
    assert [user.name for user in service.users()] == ["chief"]


def test_a_technician_does_no_supervisors_work(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    box.service.add_user("ann", UserRole.TECHNICIAN, "141421", box.session)
    ann = box.service.unlock("ann", "141421")
    before = box.service.ledger()
    acts: tuple[Act, ...] = (
        lambda: box.service.add_user("bob", UserRole.TECHNICIAN, PIN, ann),
        lambda: box.service.reset_user("chief", PIN, ann),
        lambda: box.service.remove_user("chief", ann),
        lambda: box.service.put_rule(Entitlement(allowed=True, product="pump"), ann),
    )
    for act in acts:
        with pytest.raises(Misuse, match="supervisor"):
            act()
    assert box.service.ledger() == before
    box.service.import_release(shop.release("1.0").folder, ann, silent)


@pytest.mark.parametrize(
    ("name", "pin"), [("ann", "12345"), ("ann", "000000"), ("ann\n", PIN), ("chief", PIN)]
)
def test_an_act_that_fails_is_not_in_the_ledger(tmp_path: Path, name: str, pin: str) -> None:
    box = Workshop(tmp_path).box()
    before = box.service.ledger()
    with pytest.raises(Misuse):
        box.service.add_user(name, UserRole.TECHNICIAN, pin, box.session)
    assert box.service.ledger() == before


def test_no_secret_shows_in_what_a_box_prints_of_itself(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    secret = box.session.authorisation.secret
    assert secret.hex() not in repr(box.session)
    assert repr(secret) not in repr(box.session)


# Damage


def test_a_database_that_is_no_database_is_named(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    for path in box.folder.glob("box.db*"):
        path.write_bytes(b"\xff" * 4096)
    with pytest.raises(MachineFault, match=r"box\.db"):
        BoxService.open(box.folder, now=now).releases()


def test_a_folder_without_a_box_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="box init"):
        BoxService.open(tmp_path, now=now)


def test_an_unknown_setting_is_an_error_that_names_it(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    path = box.folder / "box.toml"
    good = path.read_text()
    for line, named in (("colour = 'red'\n", "colour"), ("loops = 3\n", "loops")):
        path.write_text("".join(part for part in good.splitlines(True) if named not in part) + line)
        with pytest.raises(Misuse, match=named):
            BoxService.open(box.folder, now=now)


# The ledger


def changed(box: Box, statement: str, *values: object) -> None:
    with sqlite3.connect(box.folder / "box.db") as database:
        database.execute(statement, values)
    database.close()


def entered(tmp_path: Path) -> Box:
    shop = Workshop(tmp_path)
    box = shop.box()
    for name in ("ann", "bob"):
        box.service.add_user(name, UserRole.TECHNICIAN, "141421", box.session)
    box.take(shop.release("1.0"))
    assert box.service.check_ledger().problem is None
    return box


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE ledger SET detail = 'nothing' WHERE sequence = 3", 3),
        ("UPDATE ledger SET who = 'bob' WHERE sequence = 4", 4),
        ("UPDATE ledger SET time = time - 1 WHERE sequence = 2", 2),
        ("UPDATE ledger SET signature = NULL WHERE sequence = 3", 3),
        ("UPDATE ledger SET signature = zeroblob(64) WHERE sequence = 3", 3),
        ("DELETE FROM ledger WHERE sequence = 1", 1),
        ("DELETE FROM ledger WHERE sequence = 3", 3),
        ("UPDATE ledger SET sequence = sequence + 100 WHERE sequence >= 4", 4),
    ],
)
def test_a_changed_ledger_shows_with_its_place(tmp_path: Path, statement: str, place: int) -> None:
    box = entered(tmp_path)
    changed(box, statement)
    state = box.service.check_ledger()
    assert state.place == place
    assert state.problem


def test_an_end_that_was_cut_off_shows(tmp_path: Path) -> None:
    box = entered(tmp_path)
    changed(box, "DELETE FROM ledger WHERE sequence >= 4")
    state = box.service.check_ledger()
    assert (state.entries, state.place) == (3, 4)


def test_a_chain_that_was_computed_anew_shows(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    last = box.service.ledger()[0]
    assert (last.act, last.signed) == ("certificates", False)
    with sqlite3.connect(box.folder / "box.db") as database:
        row = database.execute(
            "SELECT sequence, time, source, who, act, previous FROM ledger WHERE sequence = 2"
        ).fetchone()
    database.close()
    entry = ["updatebox ledger", *row[:5], "another vendor", row[5]]
    digest = hashlib.sha256(cbor.encode(entry)).digest()
    changed(box, "UPDATE ledger SET detail = 'another vendor', digest = ? WHERE sequence = 2", digest)
    state = box.service.check_ledger()
    assert state.place == 2
    assert state.problem == "the TPM remembers another one"


def test_a_tpm_that_forgot_the_ledger_shows(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    (box.folder / "tpm/store-ledger-head").unlink()
    assert box.service.check_ledger().place == 1


def test_entries_that_change_places_show(tmp_path: Path) -> None:
    box = entered(tmp_path)
    for before, after in ((3, 300), (4, 3), (300, 4)):
        changed(box, "UPDATE ledger SET sequence = ? WHERE sequence = ?", after, before)
    assert box.service.check_ledger().place == 3


def test_the_ledger_names_who_did_what(tmp_path: Path) -> None:
    box = entered(tmp_path)
    acts = [(entry.who, entry.act, entry.signed) for entry in reversed(box.service.ledger())]
    assert acts == [
        ("chief", "init", True),
        ("", "certificates", False),
        ("chief", "user add", True),
        ("chief", "user add", True),
        ("chief", "import", True),
    ]


def test_status_warns_before_a_certificate_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Workshop(tmp_path).box()
    assert box.service.status().warnings == ()
    monkeypatch.setattr("time.time", lambda: float(now() + (730 - 60) * 86400))
    warnings = box.service.status().warnings
    assert {warning.within for warning in warnings} == {90}
    monkeypatch.setattr("time.time", lambda: float(now() + (730 - 10) * 86400))
    assert {warning.within for warning in box.service.status().warnings} == {30}
