"""Retiring releases and the room for packages: what is not offered goes, once nobody reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.box import ReleaseInfo, UserRole
from appliance.box.store import Store
from media_format.errors import MachineFault, Misuse
from media_format.progress import silent
from tests.workshop import Box, Workshop, ask, files


def packages(box: Box) -> list[str]:
    return sorted(path.name for path in (box.folder / "packages").iterdir())


def of_version(box: Box, version: str) -> ReleaseInfo:
    return next(release for release in box.service.releases() if release.version == version)


def retire(box: Box, version: str) -> ReleaseInfo:
    return box.service.retire(of_version(box, version).manifest_digest, box.session)


def acts(box: Box) -> list[str]:
    return [entry.act for entry in reversed(box.service.ledger())]


def test_a_retired_release_is_not_offered_and_its_package_is_gone(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    for version in ("1.0", "1.1"):
        box.take(shop.release(version))
    gone = retire(box, "1.1")
    assert [release.version for release in box.service.releases()] == ["1.0"]
    assert [release.version for release in box.service.releases(retired=True)] == ["1.1"]
    assert packages(box) == [of_version(box, "1.0").package_id.hex()]
    ask(device, stick)
    (admission,) = box.service.admit(stick)
    assert admission.release_version == "1.0"
    with pytest.raises(Misuse, match="was retired; import it again"):
        box.service.write(stick, ("pump-17",), box.session, silent, release=gone.manifest_digest)


def test_importing_a_retired_release_offers_it_again(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, release = shop.box(), shop.release("1.0")
    box.take(release)
    kept = sorted(files(box.folder / "packages").items())
    retire(box, "1.0")
    box.take(release)
    assert sorted(files(box.folder / "packages").items()) == kept
    assert [found.version for found in box.service.releases()] == ["1.0"]
    assert box.service.releases(retired=True) == ()


def test_a_retirement_is_a_persons_act_in_the_ledger(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    box.take(shop.release("1.0"))
    before = len(box.service.ledger())
    retire(box, "1.0")
    new = list(reversed(box.service.ledger()[:-before]))
    assert [(entry.act, entry.who, entry.signed) for entry in new] == [
        ("retire", "chief", True),
        ("tidy", "", False),
    ]
    assert box.service.check_ledger().problem is None


def test_retiring_twice_says_it_once(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    box.take(shop.release("1.0"))
    gone = retire(box, "1.0")
    before = acts(box)
    box.service.retire(gone.manifest_digest, box.session)
    assert acts(box) == before


def test_a_technician_retires_nothing(tmp_path: Path) -> None:
    """Whoever may import, write and collect takes nothing off the offer for everybody else."""
    shop = Workshop(tmp_path)
    box = shop.box()
    box.take(shop.release("1.0"))
    box.service.add_user("ann", UserRole.TECHNICIAN, "141421", box.session)
    before = len(box.service.ledger())
    session = box.service.unlock("ann", "141421")
    with pytest.raises(Misuse, match="ann is no supervisor"):
        box.service.retire(of_version(box, "1.0").manifest_digest, session)
    assert [release.version for release in box.service.releases()] == ["1.0"]
    assert (len(packages(box)), len(box.service.ledger())) == (1, before)


def test_a_release_that_is_not_known_cannot_be_retired(tmp_path: Path) -> None:
    box = Workshop(tmp_path).box()
    with pytest.raises(Misuse, match="no release"):
        box.service.retire(bytes(32), box.session)


def test_a_package_that_is_read_stays_until_it_was_read(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    box.take(shop.release("1.0"))
    release = of_version(box, "1.0")
    with Store(box.folder).package(release.package_id) as reading:
        retire(box, "1.0")
        assert reading.envelope()
        assert packages(box) == [release.package_id.hex()]
    (left,) = box.service.packages()
    assert left.retired
    box.take(shop.release("1.1"))
    assert packages(box) == [of_version(box, "1.1").package_id.hex()]


def test_a_release_that_was_retired_while_it_was_read_can_be_imported_again(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, release = shop.box(), shop.release("1.0")
    box.take(release)
    package_id = of_version(box, "1.0").package_id
    with Store(box.folder).package(package_id):
        retire(box, "1.0")
    box.take(release)
    with Store(box.folder).package(package_id) as reading:
        assert reading.envelope()


def limited(shop: Workshop, box: Box, quota: int) -> Box:
    """The box with another quota."""
    path = box.folder / "box.toml"
    path.write_text(re.sub(r"quota = \d+", f"quota = {quota}", path.read_text()))
    assert f"quota = {quota}\n" in path.read_text()
    return shop.reopened(box)


def test_an_import_past_the_quota_is_refused_before_it_copies_and_names_what_to_retire(
    tmp_path: Path,
) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    first, second, third = (shop.release(version) for version in ("1.0", "1.1", "1.2"))
    box.take(first)
    box.take(second)
    used = box.service.status().packages
    box = limited(shop, box, used + 100)
    before = files(box.folder / "packages")
    oldest = of_version(box, "1.0").manifest_digest.hex()
    with pytest.raises(MachineFault, match=oldest) as caught:
        box.take(third)
    assert caught.value.code == "store-quota"
    assert files(box.folder / "packages") == before
    retire(box, "1.0")
    box.take(third)
    assert sorted(release.version for release in box.service.releases()) == ["1.1", "1.2"]
    assert box.service.status().packages <= used + 100


@pytest.mark.parametrize("quota", ["-1", "true", "'much'", "1.5"])
def test_a_quota_that_is_no_number_of_bytes_is_an_error(tmp_path: Path, quota: str) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    path = box.folder / "box.toml"
    path.write_text(path.read_text().replace("quota = 0", f"quota = {quota}"))
    with pytest.raises(Misuse, match="quota"):
        shop.reopened(box)
