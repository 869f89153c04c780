"""A box between two acts, and what must be true of it after a cut in one of them."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.box import BoxService
from media_format.errors import MachineFault, Misuse
from media_format.objects import Entitlement
from media_format.progress import silent
from media_format.refusal import Refusal
from tests.power.acts import DEVICE, OTHER, SPARE, USER, Act
from tests.tools import require
from tests.workshop import PASSPHRASE, PIN, PRODUCT, TPM, Workshop, ask, delivered, now, update

KEYSTORE: Final = "soft:tpm"
"""The same keys as `TPM` names, in a process of their own: the program's way."""
_ALL: Final = 1_000_000


@dataclass(frozen=True)
class World:
    """A folder with a box and what lies beside it, and what must never be lost of it."""

    root: Path
    entries: frozenset[bytes]
    """Of the ledger, by their digests."""
    backed_up: frozenset[bytes]
    """Those of them that are in the backup beside it."""
    packages: Mapping[str, bytes]
    """The digests of the packages' files that no act removes."""
    known: frozenset[str]
    """Devices and people, and the rules of the box."""

    @classmethod
    def make(cls, folder: Path) -> World:
        """A box with three releases; a device runs the first, has reported, and asked for the next."""
        shop = Workshop(folder / "shop")
        box, device, medium = shop.box(), shop.device(DEVICE), shop.medium()
        delivered(shop, box, device, "1.0", medium)
        spare = shop.release(SPARE)
        box.take(spare)
        update(device, medium)
        root = folder / "root"
        root.mkdir()
        shutil.copytree(medium, root / "receipts")
        box.take(shop.release("2.0"))
        box.service.put_rule(Entitlement(allowed=True, product=PRODUCT), box.session)
        box.service.backup(root / "old.backup", PASSPHRASE, box.session, silent)
        backed_up = _entries(box.service)
        box.service.admit(medium)
        ask(shop.device(OTHER), shop.medium("request"))
        shutil.copytree(shop.medium("request"), root / "request")
        shutil.copytree(shop.release("3.0").folder, root / "release")
        _stick(root / "stick.img")
        (root / "pin").write_text(f"{PIN}\n")
        (root / "passphrase").write_text(f"{PASSPHRASE}\n")
        (root / "spare").write_text(spare.built.manifest_digest.hex())
        shutil.copytree(box.folder, root / "box")
        kept = {package.package_id for package in box.service.packages() if package.version != SPARE}
        return cls(
            root, _entries(box.service), backed_up, _digests(root / "box/packages", kept), _known(box.service)
        )

    def copy(self, folder: Path) -> Path:
        """The folder once more, as the program uses it."""
        shutil.copytree(self.root, folder)
        _use(folder, KEYSTORE)
        return folder

    def judge(self, root: Path, act: Act, *, said: bool) -> list[str]:
        """What is wrong with the box in `root` after a cut; `said`: the user was told that `act` was done."""
        _use(root, TPM)
        try:
            return list(self._wrong(root, act, said))
        except (Refusal, MachineFault, Misuse) as error:
            return [f"{type(error).__name__}: {error}"]

    def _wrong(self, root: Path, act: Act, said: bool) -> Iterator[str]:
        service = BoxService.open(root / "box", now=now)
        if said and not act.done(service, root):
            yield "what was said to be done is not"
        yield from self._unsound(service, root, act)
        session = service.unlock(USER, PIN)
        if not act.done(service, root):
            act.again(service, root, session)
        service = BoxService.open(root / "box", now=now)
        if not act.done(service, root):
            yield "the act cannot be done again"
        yield from (f"after doing it again: {wrong}" for wrong in self._unsound(service, root, act))
        checked = subprocess.run(
            [require("fsck.fat"), "-n", root / "stick.img"], capture_output=True, text=True
        )
        if checked.returncode:
            yield f"the stick: {checked.stdout}"

    def _unsound(self, service: BoxService, root: Path, act: Act) -> Iterator[str]:
        state = service.check_ledger()
        if state.place is not None:
            yield f"the ledger: entry {state.place}: {state.problem}"
        kept = self.backed_up if act.goes_back and act.done(service, root) else self.entries
        if not kept <= _entries(service):
            yield "an entry of the ledger is lost"
        if not self.known <= _known(service):
            yield "a device, a person or a rule is lost"
        if not self.packages.items() <= _digests(root / "box/packages").items():
            yield "a package is not what it was"
        if not {"1.0", "2.0"} <= {release.version for release in service.releases()}:
            yield "a release is lost"
        with closing(sqlite3.connect(root / "box/box.db")) as database:
            found = [row[0] for row in database.execute("PRAGMA integrity_check")]
            found += [str(row) for row in database.execute("PRAGMA foreign_key_check")]
        if found != ["ok"]:
            yield f"the database: {found}"
        # What the box itself says of its store (box status --check).
        yield from (
            f"{finding.place}: {finding.problem}" for finding in service.check(silent) if finding.wrong
        )


def _entries(service: BoxService) -> frozenset[bytes]:
    return frozenset(entry.digest for entry in service.ledger(_ALL))


def _known(service: BoxService) -> frozenset[str]:
    devices = (f"{device.id} {device.epoch}" for device in service.devices())
    return frozenset((*devices, *map(str, service.users()), *(rule.text for rule in service.rules())))


def _use(root: Path, tpm: str) -> None:
    path = root / "box/box.toml"
    lines = path.read_text().splitlines()
    path.write_text("".join(f'tpm = "{tpm}"\n' if line.startswith("tpm") else f"{line}\n" for line in lines))


def _stick(path: Path) -> None:
    with path.open("xb") as file:
        file.truncate(2 << 20)
    subprocess.run([require("mkfs.fat"), path], check=True, capture_output=True)


def _digests(folder: Path, packages: set[str] | None = None) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file() and (packages is None or path.parent.name in packages)
    }
