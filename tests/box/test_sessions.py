"""A session ends with what it was opened for: its person, that person's role, and the PIN that was shown."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.box import BoxService, Session, UserRole
from media_format.progress import Progress, silent
from media_format.refusal import Code
from tests.trust_world import refused
from tests.workshop import Box, Release, Workshop, ask, files, now

EVE = "998877"

Act = Callable[[BoxService, Session, Path, Release], object]

ACTS: dict[str, Act] = {
    "retires": lambda box, eve, _stick, release: box.retire(release.built.manifest_digest, eve),
    "adds herself": lambda box, eve, _stick, _release: box.add_user("eve", UserRole.SUPERVISOR, EVE, eve),
    "writes": lambda box, eve, stick, _release: box.write(stick, ("pump-17",), eve, silent),
    "imports": lambda box, eve, _stick, release: box.import_release(release.folder, eve, silent),
    "exports": lambda box, eve, _stick, _release: box.export_receipts(eve),
}


def with_eve(folder: Path) -> tuple[Box, Session, Path, Release]:
    """A box that could write for a device, with a second supervisor who has unlocked it."""
    shop = Workshop(folder)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    release = shop.release("1.0")
    box.take(release)
    ask(device, stick)
    box.service.admit(stick)
    box.service.add_user("eve", UserRole.SUPERVISOR, EVE, box.session)
    return box, box.service.unlock("eve", EVE), stick, release


Scene = tuple[Box, Session, Path, Release]


@pytest.fixture(scope="module")
def removed(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The box after eve was removed, with the session that she still has."""
    box, eve, stick, release = with_eve(tmp_path_factory.mktemp("removed"))
    box.service.remove_user("eve", box.session)
    return box, eve, stick, release


@pytest.mark.parametrize("act", ACTS)
def test_a_person_who_was_removed_does_nothing_with_a_session_from_before(removed: Scene, act: str) -> None:
    box, eve, stick, release = removed
    before = (files(stick), box.service.users(), box.service.releases(), box.service.ledger())
    with refused(Code.PIN_WRONG):
        ACTS[act](box.service, eve, stick, release)
    assert (files(stick), box.service.users(), box.service.releases(), box.service.ledger()) == before


def test_a_session_that_an_old_pin_opened_ends_with_that_pin(tmp_path: Path) -> None:
    box, eve, _, _ = with_eve(tmp_path)
    box.service.reset_user("eve", "665544", box.session)
    with refused(Code.PIN_WRONG):
        box.service.remove_user("chief", eve)


def test_a_supervisor_who_comes_back_as_a_technician_is_no_supervisor_any_more(tmp_path: Path) -> None:
    box, eve, _, _ = with_eve(tmp_path)
    box.service.remove_user("eve", box.session)
    box.service.add_user("eve", UserRole.TECHNICIAN, EVE, box.session)
    with refused(Code.PIN_WRONG):
        box.service.remove_user("chief", eve)


def test_a_row_that_is_put_back_into_the_database_does_not_revive_a_session(tmp_path: Path) -> None:
    box, eve, _, _ = with_eve(tmp_path / "shop")
    with closing(sqlite3.connect(box.folder / "box.db")) as database:
        database.execute("VACUUM INTO ?", [str(tmp_path / "copy.db")])
    box.service.remove_user("eve", box.session)
    for path in box.folder.glob("box.db*"):
        path.unlink()
    shutil.copy(tmp_path / "copy.db", box.folder / "box.db")
    with refused(Code.TPM_UNAVAILABLE):
        BoxService.open(box.folder, now=now).add_user("mallory", UserRole.SUPERVISOR, EVE, eve)


def test_a_session_outlasts_changes_of_other_people(tmp_path: Path) -> None:
    box, eve, _, _ = with_eve(tmp_path)
    box.service.add_user("ann", UserRole.TECHNICIAN, EVE, box.session)
    box.service.reset_user("chief", "665544", box.session)
    box.service.remove_user("ann", eve)
    assert [user.name for user in box.service.users()] == ["chief", "eve"]


def test_a_person_who_is_removed_while_a_medium_is_written_leaves_no_package_on_it(tmp_path: Path) -> None:
    box, eve, stick, _ = with_eve(tmp_path)
    before = files(stick)

    def report(progress: Progress) -> None:
        if progress.phase == "read back" and progress.done == progress.total:
            box.service.remove_user("eve", box.session)

    with refused(Code.PIN_WRONG):
        box.service.write(stick, ("pump-17",), eve, report)
    assert {path for path in files(stick) if "PACKAGES" in path} == set()
    assert before.items() <= files(stick).items()
