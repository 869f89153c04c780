"""The checker finds whatever is wrong with a store, says where, and finds nothing in one that is right."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.box import BoxService, StoreFinding, UserRole
from media_format.progress import Progress, silent
from tests.box.cut_tpm import cut_off
from tests.workshop import PIN, Box, Workshop, delivered, files, now, update


@dataclass(frozen=True)
class Scene:
    """A box that has done everything once: imported, served, collected, retired."""

    shop: Workshop
    box: Box

    def findings(self) -> tuple[StoreFinding, ...]:
        return self.shop.reopened(self.box).service.check(silent)

    def package(self) -> Path:
        (folder,) = (self.box.folder / "packages").iterdir()
        return folder

    def changed(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.box.folder / "box.db")) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    shop = Workshop(tmp_path_factory.mktemp("checked"))
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.service.add_user("ann", UserRole.TECHNICIAN, "141421", box.session)
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.service.collect(stick)
    (first,) = box.service.releases()
    box.take(shop.release("1.1"))
    box.service.retire(first.manifest_digest, box.session)
    return Scene(shop, box)


@pytest.fixture
def scene(template: Scene, tmp_path: Path) -> Scene:
    """A copy of the box."""
    folder = tmp_path / "box"
    shutil.copytree(template.box.folder, folder)
    return Scene(template.shop, Box(folder, template.box.service, template.box.session))


def test_a_store_that_is_right_has_no_findings_and_stays_as_it_is(scene: Scene) -> None:
    before = files(scene.box.folder / "packages"), scene.shop.reopened(scene.box).service.ledger()
    assert scene.findings() == ()
    assert (files(scene.box.folder / "packages"), scene.shop.reopened(scene.box).service.ledger()) == before


def test_a_change_of_people_that_was_cut_off_is_as_open_after_the_check_as_before(scene: Scene) -> None:
    remove(scene, fatal=remove(copied(scene), fatal=0))
    before = files(scene.box.folder / "tpm")
    assert BoxService.open(scene.box.folder, now=now).check(silent) == ()
    assert files(scene.box.folder / "tpm") == before
    BoxService.open(scene.box.folder, now=now).unlock("chief", PIN)
    assert files(scene.box.folder / "tpm") != before, "the TPM remembered two states"


def copied(scene: Scene) -> Scene:
    folder = scene.box.folder.with_name("copy")
    shutil.copytree(scene.box.folder, folder)
    return Scene(scene.shop, Box(folder, scene.box.service, scene.box.session))


def remove(scene: Scene, fatal: int) -> int:
    """Remove ann, cut off at a call of the TPM; how many calls there were."""
    return cut_off(scene.box, lambda service, box: service.remove_user("ann", box.session), fatal)


@pytest.mark.parametrize("name", ["MANIFEST.CBR", "CHUNKS.CBR", "PAYLOAD.000", "ENVELOPE.CBR"])
def test_a_flipped_bit_in_a_file_of_a_package_is_found(scene: Scene, name: str) -> None:
    path = scene.package() / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (finding,) = scene.findings()
    assert finding.wrong
    assert scene.package().name in finding.place
    assert name in finding.problem
    assert finding.advice == "import the release again"


def shorter(package: Path) -> None:
    path = package / "PAYLOAD.000"
    path.write_bytes(path.read_bytes()[:-1])


def gone(package: Path) -> None:
    (package / "CHUNKS.CBR").unlink()


def all_gone(package: Path) -> None:
    shutil.rmtree(package)


def one_more(package: Path) -> None:
    (package / "NOTES.TXT").write_text("a stranger's")


def linked(package: Path) -> None:
    path, outside = package / "PAYLOAD.000", package.parent.parent / "outside"
    path.rename(outside)
    path.symlink_to(outside)


@pytest.mark.parametrize("harm", [shorter, gone, all_gone, one_more, linked])
def test_files_that_are_cut_off_missing_or_too_many_are_found(
    scene: Scene, harm: Callable[[Path], None]
) -> None:
    name = scene.package().name
    harm(scene.package())
    (finding,) = scene.findings()
    assert finding.wrong
    assert name in finding.place
    assert "1.1" in finding.place


def test_a_folder_of_a_package_that_leads_elsewhere_is_found(scene: Scene) -> None:
    package, outside = scene.package(), scene.box.folder / "outside"
    package.rename(outside)
    package.symlink_to(outside)
    found = scene.findings()
    assert found
    assert all(package.name in finding.place and "a link" in finding.problem for finding in found)
    assert {finding.advice for finding in found} == {"import the release again"}


def test_packages_that_lie_where_a_link_leads_are_told_of(scene: Scene) -> None:
    packages, outside = scene.box.folder / "packages", scene.box.folder / "outside"
    packages.rename(outside)
    packages.symlink_to(outside)
    assert [(finding.place, finding.wrong) for finding in scene.findings()] == [("packages", True)]


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE releases SET version = '9.9' WHERE retired IS NULL", "release "),
        ("UPDATE releases SET manifest = zeroblob(200) WHERE retired IS NULL", "release "),
        ("UPDATE package_files SET package_id = x'00' WHERE name = 'CHUNKS.CBR'", "package_files"),
        ("UPDATE ledger SET detail = 'nothing' WHERE sequence = 3", "ledger, entry 3"),
        ("UPDATE receipts SET outcome = 'installed'", "receipt "),
        ("UPDATE users SET role = 'supervisor' WHERE name = 'ann'", "people"),
        ("UPDATE settings SET value = x'ff' WHERE name = 'crls'", "box.db"),
    ],
)
def test_a_change_in_the_database_is_found_with_its_place(scene: Scene, statement: str, place: str) -> None:
    scene.changed(statement)
    found = BoxService.open(scene.box.folder, now=now).check(silent)
    assert any(place in finding.place and finding.wrong for finding in found)


def test_what_an_import_left_is_told_of_and_is_not_wrong(scene: Scene) -> None:
    shutil.copytree(scene.package(), scene.package().with_name("00" * 16))
    found = scene.findings()
    assert [(finding.place, finding.wrong) for finding in found] == [(f"packages/{'00' * 16}", False)]


def test_a_release_of_older_software_is_told_of_until_it_is_imported_again(scene: Scene) -> None:
    scene.changed("DELETE FROM package_files")
    (finding,) = scene.findings()
    assert not finding.wrong
    box = scene.shop.reopened(scene.box)
    box.service.import_release(scene.shop.folder / "release-1.1", box.session, silent)
    assert scene.findings() == ()


def test_importing_again_repairs_what_was_found(scene: Scene) -> None:
    shorter(scene.package())
    box = scene.shop.reopened(scene.box)
    box.service.import_release(scene.shop.folder / "release-1.1", box.session, silent)
    assert scene.findings() == ()


def test_the_check_says_how_far_it_is(scene: Scene) -> None:
    told: list[Progress] = []
    scene.shop.reopened(scene.box).service.check(told.append)
    total = sum(len(data) for data in files(scene.box.folder / "packages").values())
    assert told[-1] == Progress("check", total, total)
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
