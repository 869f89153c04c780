"""Restoring a box from a backup. Everything is verified before anything of the box is touched.

With the TPM that the backup was made with, the box is the same again: what came after the backup is lost,
and the ledger goes on with a signed entry that says so. On another box its devices, receipts and rules are
taken over; keys, certificates, people and ledger stay that box's own, and the old ledger is kept as a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session as Transaction

from appliance.box import identity, replaced, room, users
from appliance.box.backup import PACKAGES
from appliance.box.backup_contents import Backup, open_backup
from appliance.box.configuration import FILE, Configuration
from appliance.box.identity import BUNDLE
from appliance.box.ledger import RESTORE, Ledger
from appliance.box.ledger_head import LedgerHead, is_held
from appliance.box.ledger_search import entries
from appliance.box.machine import Machine
from appliance.box.merging import LeftOut, merge
from appliance.box.replaced import Replaced
from appliance.box.schema import Base, DeviceRow, ReceiptRow, ReleaseRow, UserRow
from appliance.box.scratch import RESTORE as SCRATCH
from appliance.box.scratch import scratch
from appliance.box.settings import SETTINGS
from appliance.box.store import Store
from appliance.box.told import keep_lists
from appliance.box.users import Session, UserRole
from appliance.tpm import Tpm, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.clock import moment
from appliance.trust.ledger_file import LedgerFileHead, write_ledger
from appliance.trust.purpose import Purpose
from media_format.durable import replace_file, replacing, sync_folder
from media_format.errors import Misuse
from media_format.refusal import Refusal

_FORMER: Final = "former-ledgers"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, and what is missing still."""

    box: str
    created: int
    """When the backup was made, by that box's clock."""
    same: bool
    """Whether this is the box that made it: its keys are in this TPM."""
    entries: int
    """Up to which entry of the ledger the backup reaches."""
    lost: int | None
    """How many entries came after that and are gone, as the TPM remembers; None where it cannot know."""
    told: bool | None
    """Whether all is kept that the vendor has told the box since: revocation lists, the time that has passed,
    directives. If not, the old store was not what the TPM remembers, and of it only lists that their issuers
    signed were kept. None on another box."""
    devices: int
    receipts: int
    releases: tuple[str, ...]
    """What has to be imported again: on another box, from media that the vendor seals for it."""
    former_ledger: Path | None
    """Where the ledger of another box is kept."""
    left_out: LeftOut | None
    """What of another box's store was not taken over; None where this box made the backup."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who restores, to be shown in the TPM."""

    name: str
    pin: str


def restore(folder: Path, file: Path, passphrase: str, person: Person, now: Callable[[], int]) -> Restored:
    """As `BoxService.restore`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as held:
        work, packages = held.enter_context(scratch(folder, SCRATCH)), None
        if (folder / PACKAGES).is_dir():
            # On the disk where they are to stay, which may be one of their own.
            packages = held.enter_context(scratch((folder / PACKAGES).resolve(), SCRATCH))
        bundle = _bundle(folder)
        backup = open_backup(file, passphrase, work, bundle.anchor if bundle else None, packages)
        tpm = _tpm(folder, backup, now)
        if _identity(tpm) == backup.certificate.spki:
            return _put_back(folder, backup, tpm, person)
        return _take_over(Machine.open(folder, now), backup, person)


def _bundle(folder: Path) -> Bundle | None:
    path = folder / BUNDLE
    return Bundle.from_pem(path.read_bytes()) if path.exists() else None


def _configuration(folder: Path) -> Configuration | None:
    return Configuration.load(folder) if (folder / FILE).exists() else None


def _tpm(folder: Path, backup: Backup, now: Callable[[], int]) -> Tpm:
    """The TPM of the box in `folder`; where nothing is left of that, the one that the backup names."""
    there = _configuration(folder)
    configuration = there or backup.configuration
    try:
        return open_tpm(configuration.tpm, create=False, now=now, folder=folder)
    except Refusal:
        if there:
            raise
        raise Misuse(
            f"{folder} holds no box, and the TPM that the backup names is not there either; make a new box"
            f" (updatebox box init {folder}) and restore onto that"
        ) from None


def _identity(tpm: Tpm) -> bytes | None:
    try:
        return tpm.public(identity.IDENTITY)
    except Misuse:
        return None


# The same box


def _put_back(folder: Path, backup: Backup, tpm: Tpm, person: Person) -> Restored:
    bundle = _bundle(folder) or backup.bundle
    end = LedgerHead(backup.contents.sequence, backup.contents.digest)
    with Store(folder).importing(), closing(replaced.look(folder, tpm, bundle, end)) as before:
        configuration = _configuration(folder) or backup.configuration
        machine = Machine(folder, configuration, tpm, backup.store)
        session = _unlock_put_back(machine, before, person)
        new = _new_packages(backup, folder)
        room.check_quota(folder, configuration.quota, sum(size for _, size in new))
        told = _keep_told(machine, before, bundle)
        lost = _lost(LedgerHead.of(tpm), end, machine.store, before.goes_on)
        with machine.store.transaction() as transaction:
            named = f"the backup of {moment(backup.contents.created)}"
            machine.ledger.restored(
                transaction, machine.ledger_time(), named, session.user, _sign(tpm, session)
            )

        def prepare() -> None:
            before.check_unchanged()
            machine.ledger.expect()
            _put_packages([package for package, _ in new], folder / PACKAGES)
            for name in (FILE, BUNDLE):
                if not (folder / name).exists():
                    replace_file(folder / name, (backup.folder / name).read_bytes())

        replaced.put_database(backup.folder, folder, prepare)
    live = Store.open(folder)
    Ledger(live, tpm).remember()
    with live.reading() as transaction:
        missing = [row for row in _releases(transaction) if not live.holds(row.package_id)]
        return _restored(transaction, backup, missing, same=True, lost=lost, told=told)


def _unlock_put_back(machine: Machine, before: Replaced, person: Person) -> Session:
    """A supervisor's session. The people are those whom the TPM remembers: today's, or the backup's."""
    with machine.store.transaction() as transaction:
        if before.people:
            transaction.execute(delete(UserRow))
            transaction.execute(insert(UserRow), before.people)
    session = users.unlock_alone(machine.store, machine.tpm, person.name, person.pin)
    session.require(UserRole.SUPERVISOR)
    return session


def _keep_told(machine: Machine, before: Replaced, bundle: Bundle) -> bool:
    """Take over what the vendor told the box since the backup; returns whether that is all of it."""
    with machine.store.transaction() as transaction:
        if before.told is not None:
            before.told.keep(transaction, machine.store, bundle)
            return True
        try:
            SETTINGS.check(transaction, machine.tpm)
        except Refusal:
            keep_lists(transaction, machine.store, bundle, before.lists)
            return False
        return True


def _new_packages(backup: Backup, folder: Path) -> list[tuple[Path, int]]:
    """The packages that are not in the store yet, and how many bytes they take."""
    found = (
        path for path in sorted(backup.packages.iterdir()) if not (folder / PACKAGES / path.name).exists()
    )
    return [(path, sum(file.stat().st_size for file in path.iterdir())) for path in found]


def _put_packages(packages: list[Path], target: Path) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    for package in packages:
        os.rename(package, target / package.name)
    sync_folder(target)


def _lost(head: LedgerHead | None, end: LedgerHead, copy: Store, goes_on: bool | None) -> int | None:
    """How many entries came after the backup's; None where it, or what is here, is of another branch."""
    if head is None or goes_on is False:
        return None
    with copy.reading() as transaction:
        if is_held(transaction, head):
            return 0
    return head.sequence - end.sequence if head.sequence > end.sequence else None


# Another box


def _take_over(machine: Machine, backup: Backup, person: Person) -> Restored:
    session = users.unlock(machine.store, machine.tpm, person.name, person.pin)
    session.require(UserRole.SUPERVISOR)
    former = _keep_ledger(machine.folder, backup)
    detail = f"the backup of {backup.contents.box} of {moment(backup.contents.created)}; its ledger is kept"
    with machine.ledger.acts(machine.ledger_time()) as acts:
        users.check_session(acts.transaction, machine.tpm, session)
        own = machine.own_or_none()
        left = merge(acts, backup.store, machine.store, own.bundle if own else backup.bundle)
        detail = f"{detail} in {former.name}{_left(left)}"
        acts.enter(RESTORE, detail, session.user, _sign(machine.tpm, session))
    with backup.store.reading() as transaction:
        return _restored(
            transaction, backup, _releases(transaction), same=False, former=former, left_out=left
        )


def _left(left: LeftOut) -> str:
    if not left.unsigned:
        return ""
    return f"; left out, for nobody signed them: devices {left.devices}, receipts {left.receipts}"


def _keep_ledger(folder: Path, backup: Backup) -> Path:
    head = LedgerFileHead(backup.contents.box, backup.bundle.chain(Purpose.BOX_IDENTITY))
    kept = folder / _FORMER
    kept.mkdir(mode=0o700, exist_ok=True)
    path = kept / f"{backup.certificate.certificate.serial_number:x}-{backup.contents.sequence}.jsonl"
    with backup.store.reading() as transaction, replacing(path) as file:
        write_ledger(file, head, entries(transaction))
    sync_folder(folder)
    return path


# Both


def _sign(tpm: Tpm, session: Session) -> Callable[[bytes], bytes]:
    return lambda digest: tpm.sign(identity.IDENTITY, digest, session.authorisation)


def _releases(transaction: Transaction) -> list[ReleaseRow]:
    order = (ReleaseRow.product, ReleaseRow.line, ReleaseRow.release_index)
    return list(transaction.scalars(select(ReleaseRow).where(ReleaseRow.retired.is_(None)).order_by(*order)))


def _restored(
    transaction: Transaction,
    backup: Backup,
    missing: list[ReleaseRow],
    *,
    same: bool,
    lost: int | None = None,
    told: bool | None = None,
    former: Path | None = None,
    left_out: LeftOut | None = None,
) -> Restored:
    return Restored(
        box=backup.contents.box,
        created=backup.contents.created,
        same=same,
        entries=backup.contents.sequence,
        lost=lost,
        told=told,
        devices=_count(transaction, DeviceRow),
        receipts=_count(transaction, ReceiptRow),
        releases=tuple(f"{row.product} {row.version}" for row in missing),
        former_ledger=former,
        left_out=left_out,
    )


def _count(transaction: Transaction, table: type[Base]) -> int:
    return transaction.scalar(select(func.count()).select_from(table)) or 0
