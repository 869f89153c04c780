"""A box between two acts, the acts that a power cut interrupts, and what must be true of it afterwards."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.box import BoxService, Session, UserRole
from media_format.errors import MachineFault, Misuse
from media_format.package import list_packages
from media_format.progress import silent
from media_format.refusal import Refusal
from media_format.volume import open_volume
from tests.tools import require
from tests.workshop import PIN, TPM, Workshop, ask, delivered, now, update

PROGRAM: Final = Path(sys.executable).with_name("updatebox")
KEYSTORE: Final = "soft:tpm"
"""The same keys as `TPM` names, in a process of their own: the program's way."""
DEVICE, OTHER = "pump-17", "pump-18"
_ALL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person does at the box: by the program, and once more by the judge."""

    name: str
    words: tuple[str, ...]
    """The verb and what follows the box's folder; media stand beside that folder."""
    done: Callable[[BoxService, Path], bool]
    again: Callable[[BoxService, Path, Session], object]
    secret: bool = True

    def command(self, root: Path) -> list[str]:
        """The program's command line."""
        verb, *rest = self.words
        group = verb.split()
        places = [str(root / word.removeprefix("./")) if word.startswith("./") else word for word in rest]
        pin = ["--user", "chief", "--pin-file", str(root / "pin")] if self.secret else []
        return [str(PROGRAM), "box", *group, str(root / "box"), *places, *pin, "--json"]


def _releases(service: BoxService) -> set[str]:
    return {release.version for release in service.releases()}


def _written(service: BoxService, root: Path) -> bool:
    volume = open_volume(root / "stick.img", writable=False)
    try:
        packages = list_packages(volume)
    finally:
        volume.close()
    return len(packages) == 1 and service.ledger(1)[0].act == "write"


ACTS: Final = (
    Act(
        "import",
        ("import", "./release"),
        lambda service, _: "3.0" in _releases(service),
        lambda service, root, session: service.import_release(root / "release", session, silent),
    ),
    Act(
        "admit",
        ("admit", "./request"),
        lambda service, _: OTHER in {device.id for device in service.devices() if device.counter},
        lambda service, root, _: service.admit(root / "request"),
        secret=False,
    ),
    Act(
        "write",
        ("write", "./stick.img", "--device", DEVICE),
        _written,
        lambda service, root, session: service.write(root / "stick.img", (DEVICE,), session, silent),
    ),
    Act(
        "collect",
        ("collect", "./receipts"),
        lambda service, _: bool(service.receipts()),
        lambda service, root, _: service.collect(root / "receipts"),
        secret=False,
    ),
    Act(
        "add a user",
        ("user add", "second", "--role", "technician", "--new-pin-file", "./pin"),
        lambda service, _: "second" in {user.name for user in service.users()},
        lambda service, _, session: service.add_user("second", UserRole.TECHNICIAN, PIN, session),
    ),
)


@dataclass(frozen=True)
class World:
    """A folder with a box and what lies beside it, and what must never be lost of it."""

    root: Path
    session: Session
    entries: frozenset[bytes]
    packages: Mapping[str, bytes]

    @classmethod
    def make(cls, folder: Path) -> World:
        """A box with two releases and a device that runs the first, asked for the next, and has reported."""
        shop = Workshop(folder / "shop")
        box, device, medium = shop.box(), shop.device(DEVICE), shop.medium()
        delivered(shop, box, device, "1.0", medium)
        update(device, medium)
        root = folder / "root"
        root.mkdir()
        shutil.copytree(medium, root / "receipts")
        box.take(shop.release("2.0"))
        box.service.admit(medium)
        ask(shop.device(OTHER), shop.medium("request"))
        shutil.copytree(shop.medium("request"), root / "request")
        shutil.copytree(shop.release("3.0").folder, root / "release")
        _stick(root / "stick.img")
        (root / "pin").write_text(f"{PIN}\n")
        shutil.copytree(box.folder, root / "box")
        entries = frozenset(entry.digest for entry in box.service.ledger(_ALL))
        return cls(root, box.session, entries, _digests(root / "box/packages"))

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
        yield from self._unsound(service, root)
        service.unlock("chief", PIN)
        if not act.done(service, root):
            act.again(service, root, self.session)
        if not act.done(service, root):
            yield "the act cannot be done again"
        yield from (f"after doing it again: {wrong}" for wrong in self._unsound(service, root))

    def _unsound(self, service: BoxService, root: Path) -> Iterator[str]:
        state = service.check_ledger()
        if state.place is not None:
            yield f"the ledger: entry {state.place}: {state.problem}"
        if not self.entries <= {entry.digest for entry in service.ledger(_ALL)}:
            yield "an entry of the ledger is lost"
        if not self.packages.items() <= _digests(root / "box/packages").items():
            yield "a package is not what it was"
        if not {"1.0", "2.0"} <= _releases(service):
            yield "a release is lost"
        with closing(sqlite3.connect(root / "box/box.db")) as database:
            found = [row[0] for row in database.execute("PRAGMA integrity_check")]
            found += [str(row) for row in database.execute("PRAGMA foreign_key_check")]
        if found != ["ok"]:
            yield f"the database: {found}"


def _use(root: Path, tpm: str) -> None:
    path = root / "box/box.toml"
    lines = path.read_text().splitlines()
    path.write_text("".join(f'tpm = "{tpm}"\n' if line.startswith("tpm") else f"{line}\n" for line in lines))


def _stick(path: Path) -> None:
    with path.open("xb") as file:
        file.truncate(2 << 20)
    subprocess.run([require("mkfs.fat"), path], check=True, capture_output=True)


def _digests(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }
