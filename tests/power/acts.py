"""What a person does at a box, by the program and once more by whoever judges what a power cut left of it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.box import BoxService, Person, Session, UserRole
from appliance.box.backup_contents import open_backup
from media_format.objects import Entitlement
from media_format.package import list_packages
from media_format.progress import silent
from media_format.volume import open_volume
from tests.workshop import PASSPHRASE, PIN, now

PROGRAM: Final = Path(sys.executable).with_name("updatebox")
USER: Final = "chief"
DEVICE, OTHER = "pump-17", "pump-18"
"""One that has asked for the next release, and one whose first request lies beside the box."""
SPARE: Final = "1.9"
"""The version of a release that nobody misses."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person does at the box."""

    name: str
    words: tuple[str, ...]
    """The verb and what follows the box's folder. What begins with ./ stands beside that folder, and what
    begins with @./ is what the file there says."""
    done: Callable[[BoxService, Path], bool]
    again: Callable[[BoxService, Path, Session], object]
    secret: bool = True
    goes_back: bool = False
    """Whether what came after the backup goes with it."""

    def command(self, root: Path) -> list[str]:
        """The program's command line."""
        verb, *rest = self.words
        places = [_placed(word, root) for word in rest]
        pin = ["--user", USER, "--pin-file", str(root / "pin")] if self.secret else []
        return [str(PROGRAM), "box", *verb.split(), str(root / "box"), *places, *pin, "--json"]


def _placed(word: str, root: Path) -> str:
    if word.startswith("@./"):
        return (root / word.removeprefix("@./")).read_text()
    return str(root / word.removeprefix("./")) if word.startswith("./") else word


def _releases(service: BoxService) -> set[str]:
    return {release.version for release in service.releases()}


def _written(service: BoxService, root: Path) -> bool:
    volume = open_volume(root / "stick.img", writable=False)
    try:
        packages = list_packages(volume)
    finally:
        volume.close()
    return len(packages) == 1 and service.ledger(1)[0].act == "write"


def _backed_up(_: BoxService, root: Path) -> bool:
    """A file that has its name is a whole backup; another one raises."""
    file = root / "new.backup"
    if file.exists():
        with tempfile.TemporaryDirectory(dir=root) as work:
            open_backup(file, PASSPHRASE, Path(work), None)
    return file.exists()


_DENIED: Final = Entitlement(allowed=False, first=OTHER, last=OTHER)

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
    Act(
        "deny a device",
        ("deny", "--device", OTHER),
        lambda service, _: _DENIED in service.own_rules(),
        lambda service, _, session: service.put_rule(_DENIED, session),
    ),
    Act(
        "retire",
        ("retire", "--release", "@./spare"),
        lambda service, _: SPARE not in _releases(service),
        lambda service, root, session: service.retire(bytes.fromhex((root / "spare").read_text()), session),
    ),
    Act(
        "back up",
        ("backup", "./new.backup", "--packages", "--passphrase-file", "./passphrase"),
        _backed_up,
        lambda service, root, session: service.backup(
            root / "new.backup", PASSPHRASE, session, silent, packages=True
        ),
    ),
    Act(
        "restore",
        ("restore", "./old.backup", "--passphrase-file", "./passphrase"),
        lambda service, _: service.ledger(1)[0].act == "restore",
        lambda _, root, session: BoxService.restore(
            root / "box", root / "old.backup", PASSPHRASE, Person(session.user, PIN), now=now
        ),
        goes_back=True,
    ),
)
