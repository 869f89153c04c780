"""The box's facade: all that the command line and the kiosk may ask of a box."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy.orm import Session as Transaction

from appliance import media
from appliance.box import (
    admission,
    auditing,
    backup,
    certificates,
    checking,
    collecting,
    fleet,
    health,
    identity,
    importing,
    ledger_search,
    receipts,
    restoring,
    retiring,
    rules,
    survey,
    taking,
    users,
    writing,
)
from appliance.box.admission import Admission
from appliance.box.backup import BackupMade
from appliance.box.checking import StoreFinding
from appliance.box.configuration import Configuration
from appliance.box.delivering import Cancelled
from appliance.box.exporting import ExportedReceipts, ledger_file, receipts_file
from appliance.box.fleet import DeviceFilter, DeviceInfo
from appliance.box.health import BoxStatus
from appliance.box.holdings import StoredPackage, stored_packages
from appliance.box.identity import Identity
from appliance.box.importing import ReleaseInfo
from appliance.box.judging import judge_requests
from appliance.box.ledger import Ledger, LedgerState
from appliance.box.ledger_search import LedgerQuery
from appliance.box.machine import Machine
from appliance.box.receipts import CollectedReceipt, ReceiptFilter, ReceiptInfo
from appliance.box.restoring import Person, Restored
from appliance.box.rules import Rule, RuleSource, Verdict
from appliance.box.store import Store
from appliance.box.survey import MediumReport
from appliance.box.users import Session, User, UserRole
from appliance.box.writing import WriteOrder, WriteResult
from appliance.media.formatting import LABEL, Formatted, format_medium
from appliance.tpm import Authorisation, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.clock import TrustedTime
from appliance.trust.directive_result import DirectiveResult
from appliance.trust.ledger_chain import LedgerEntry
from media_format.errors import Misuse
from media_format.objects import DeviceKind, Entitlement, Mode
from media_format.progress import Report

_SECRET_SIZE: Final = 32


class BoxService:
    """One update box. Reading lists needs nobody; what decrypts or signs needs a person's `Session`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._tpm = machine.tpm
        self._store = machine.store
        self._ledger = machine.ledger

    @classmethod
    def create(
        cls,
        folder: Path,
        box_id: str,
        supervisor: str,
        pin: str,
        *,
        tpm: str | None = None,
        now: Callable[[], int],
    ) -> bytes:
        """A new box with its first supervisor. Returns the signed enrolment request for the vendor."""
        if (folder / "box.toml").exists():
            raise Misuse(f"{folder}: there is a box already")
        users.check_new(supervisor, pin)
        identity.check_id(box_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        uri = tpm or "soft:tpm"
        opened = open_tpm(uri, create=True, now=now, folder=folder)
        secret = opened.random(_SECRET_SIZE)
        auth = Authorisation(secret)
        identity.create_keys(opened, auth)
        sealed = users.seal(opened, secret, pin)
        store = Store.create(folder)
        store.reserve.keep()
        book = Ledger(store, opened)
        time = TrustedTime(now(), "system")

        def sign(digest: bytes) -> bytes:
            return opened.sign(identity.IDENTITY, digest, auth)

        with (
            book.entry(time, "init", f"box {box_id}", supervisor, sign) as transaction,
            users.PEOPLE.changing(transaction, opened),
        ):
            users.add(transaction, supervisor, UserRole.SUPERVISOR, sealed)
        request = identity.enrolment(opened, box_id, auth)
        Configuration(id=box_id, tpm=uri).save(folder)
        return request

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], int]) -> BoxService:
        """The box in `folder`. MachineFault if there is none."""
        return cls(Machine.open(folder, now))

    @property
    def id(self) -> str:
        """The box's name."""
        return self._machine.configuration.id

    # People

    def unlock(self, user: str, pin: str) -> Session:
        """Show a PIN. Refusal(pin-wrong), (tpm-locked) or (tpm-unavailable)."""
        with self._store.reserve.lent():
            return users.unlock(self._store, self._tpm, user, pin)

    def users(self) -> tuple[User, ...]:
        """Everybody who may unlock the box."""
        with self._store.reading() as transaction:
            return users.listed(transaction)

    def add_user(self, name: str, role: UserRole, pin: str, session: Session) -> None:
        """Let another person use the box."""
        session.require(UserRole.SUPERVISOR)
        users.check_new(name, pin)
        sealed = users.seal(self._tpm, session.authorisation.secret, pin)
        with self._changing(session, "user add", f"{name} as {role}") as transaction:
            users.add(transaction, name, role, sealed)

    def reset_user(self, name: str, pin: str, session: Session) -> None:
        """Give a person a new PIN."""
        session.require(UserRole.SUPERVISOR)
        sealed = users.seal(self._tpm, session.authorisation.secret, pin)
        with self._changing(session, "user reset", name) as transaction:
            users.reset(transaction, name, sealed)

    def remove_user(self, name: str, session: Session) -> None:
        """Take a person's right away."""
        session.require(UserRole.SUPERVISOR)
        with self._changing(session, "user remove", name) as transaction:
            users.remove(transaction, name)

    @contextmanager
    def _changing(self, session: Session, act: str, detail: str) -> Iterator[Transaction]:
        """A person's change of who the people are: the TPM remembers them before and after it."""
        with (
            self._machine.acting(session, act, detail) as transaction,
            users.PEOPLE.changing(transaction, self._tpm),
        ):
            yield transaction
        with self._store.transaction() as transaction:
            users.PEOPLE.settle(transaction, self._tpm)

    # Certificates

    def install_certificates(self, bundle: Bundle) -> Identity:
        """Take over what the vendor answered to the enrolment request."""
        return certificates.install(self._machine, bundle)

    def is_enrolled(self) -> bool:
        """Whether the box has certificates."""
        return (self._machine.folder / identity.BUNDLE).exists()

    def install_lists(self, bundle: Bundle) -> int:
        """Take over the vendor's newer revocation lists; returns how many were news.

        Their dates have passed, whatever the box's clock says: no trusted time is needed, and a box that lay
        unused for longer than its horizon believes its clock again.

        Refusal(chain-invalid) for those of another vendor.
        """
        return certificates.install_lists(self._machine, bundle)

    # Lists

    def packages(self) -> tuple[StoredPackage, ...]:
        """The sealed packages on disk."""
        volume = self._store.packages()
        try:
            with self._store.reading() as transaction:
                return stored_packages(transaction, volume)
        finally:
            volume.close()

    def backup(
        self, file: Path, passphrase: str, session: Session, report: Report, *, packages: bool = False
    ) -> BackupMade:
        """Write all that the box knows, but no key, into a new file sealed under `passphrase`.

        With `packages` its releases too, which are sealed to the transport key and open on this box alone.
        """
        return backup.backup(self._machine, file, passphrase, session, report, packages=packages)

    @staticmethod
    def restore(
        folder: Path, file: Path, passphrase: str, person: Person, *, now: Callable[[], int]
    ) -> Restored:
        """Put a backup back. The person is a supervisor of the box in `folder`; that need not open any more.

        Nothing is changed before all is verified. Raises Misuse where there is no TPM, Refusal(malformed),
        (pin-wrong), (decryption-failed), (signature-invalid), (chain-invalid) for what is no backup, or a
        changed or foreign one, and (tpm-unavailable) where people were changed since and the box's own store
        does not say any more who they are.
        """
        return restoring.restore(folder, file, passphrase, person, now)

    def export_receipts(
        self, session: Session | None = None, *, since: int | None = None, until: int | None = None
    ) -> ExportedReceipts:
        """A file of the receipts for the vendor, of those collected from `since` to `until`.

        With a `session` the box signs it: the vendor learns who brings them, and that none was left out.
        """
        return receipts_file(self._machine, session, since, until)

    def export_ledger(self, file: BinaryIO, session: Session | None = None) -> int:
        """Write the whole ledger for an auditor into a file; returns how many entries are in it.

        With a `session` its last entry is the signed one of this export, and so the file's end is certain.
        """
        return ledger_file(self._machine, session, file)

    def releases(self, *, retired: bool = False) -> tuple[ReleaseInfo, ...]:
        """What the box can deliver, the newest first; or what it could before it was `retired`."""
        with self._store.reading() as transaction:
            return importing.listed(transaction, retired=retired)

    def devices(self, wanted: DeviceFilter | None = None) -> tuple[DeviceInfo, ...]:
        """The fleet: the devices the box has seen, in the order of their ids, a page at a time."""
        now = self._machine.ledger_time().time
        with self._store.reading() as transaction:
            rules = self._machine.rules(transaction)
            return fleet.devices(transaction, rules, wanted or DeviceFilter(), now)

    def receipts(self, limit: int = 1000, *, wanted: ReceiptFilter | None = None) -> tuple[ReceiptInfo, ...]:
        """The receipts that are wanted, those collected last first, a page at a time."""
        with self._store.reading() as transaction:
            return receipts.listed(transaction, wanted or ReceiptFilter(limit=limit))

    def ledger(self, limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """The newest acts, the newest first."""
        return self._ledger.newest(limit)

    def search_ledger(self, query: LedgerQuery) -> tuple[LedgerEntry, ...]:
        """The acts that are wanted, the newest first, a page at a time."""
        return self._ledger.search(query)

    def ledger_acts(self) -> tuple[str, ...]:
        """The acts that there are entries of, by name."""
        with self._store.reading() as transaction:
            return ledger_search.acts(transaction)

    def check_ledger(self) -> LedgerState:
        """Whether the ledger is whole, and up to where the box has signed it."""
        return auditing.check_ledger(self._machine)

    def check(self, report: Report) -> tuple[StoreFinding, ...]:
        """Look at the whole store: the database, every byte of every package, the ledger, the people.

        Nothing is changed and nobody's keys are needed.
        """
        return checking.check(self._machine, report)

    def status(self) -> BoxStatus:
        """The health of the box."""
        return health.status(self._machine)

    def record_fault(self, what: str) -> None:
        """Enter into the ledger that a program of the box failed in a way nobody foresaw."""
        with self._ledger.entry(self._machine.ledger_time(), "fault", what):
            pass

    # Rules

    def rules(self) -> tuple[Rule, ...]:
        """Every rule: the box's own, then the vendor's."""
        with self._store.reading() as transaction:
            return self._machine.rules(transaction).listed()

    def own_rules(self) -> tuple[Entitlement, ...]:
        """The box's own rules, as `replace_rules` takes them."""
        with self._store.reading() as transaction:
            return self._machine.rules(transaction).own

    def verdict(self, device_id: str, kind: DeviceKind | None = None) -> Verdict:
        """Which rules decide about a device. Misuse without `kind` for one that has not asked here."""
        with self._store.reading() as transaction:
            kind = kind or admission.kind_of(transaction, device_id)
            return self._machine.rules(transaction).judge(device_id, kind)

    def put_rule(self, entry: Entitlement, session: Session) -> Rule:
        """Make a rule, in the place of the one that selects the same."""
        session.require(UserRole.SUPERVISOR)
        act, _, selected = rules.in_words(entry).partition(" ")
        with self._machine.acting(session, act, selected) as transaction:
            rules.put(transaction, entry)
        return rules.shown(RuleSource.BOX, entry)

    def replace_rules(self, entries: tuple[Entitlement, ...], session: Session) -> None:
        """Put rules in the place of all that the box had; the vendor's stay."""
        session.require(UserRole.SUPERVISOR)
        with self._machine.acting(session, "rules", f"{len(entries)} in place of all") as transaction:
            rules.replace(transaction, entries)

    # Media

    def format(
        self, medium: Path, report: Report, *, label: str = LABEL, image: bool = False, full: bool = False
    ) -> Formatted:
        """Make a medium ready for use; everything on it is lost. As `appliance.media.formatting`."""
        done = format_medium(
            medium, loops=self._machine.loops, label=label, image=image, full=full, report=report
        )
        detail = f"{medium}: {done.size} bytes, {done.kind}, capacity check {done.check}"
        with self._ledger.entry(self._machine.ledger_time(), "format", detail):
            pass
        return done

    def watch_media(self, *, udev: bool = True, directories: tuple[Path, ...] = ()) -> media.MediaWatcher:
        """A watcher for this box's media; to be closed by the caller."""
        return media.MediaWatcher(udev=udev, directories=directories, loops=self._machine.loops)

    def survey(self, medium: Path) -> MediumReport:
        """What is on a medium, and what to do next. Nothing is changed."""
        context = self._machine.context()
        with self._machine.opened(medium, writable=False) as volume:
            requests = tuple(judged.admission for judged in judge_requests(context, volume))
            new = collecting.new_receipts(context, volume)
            packages = survey.packages(volume)
            info, foreign = volume.info(), survey.foreign(volume)
        known = frozenset(release.package_id for release in self.releases())
        action, suggestion = survey.suggest(requests, new, packages, known)
        return MediumReport(info, requests, new, packages, foreign, action, suggestion)

    def import_release(self, source: Path, session: Session, report: Report) -> tuple[ReleaseInfo, ...]:
        """Take in every release on a medium (or in a directory) that the box does not have yet.

        One that is refused does not keep the others out: its refusal is raised when they are in. Releases for
        other boxes are passed over where there is one for this box. Misuse where there is none at all.
        """
        return taking.import_releases(self._machine, source, session, report)

    def retire(self, release: bytes, session: Session) -> ReleaseInfo:
        """Take a release, named by its manifest digest, off the offer and remove its package.

        Only a supervisor may. An import brings it back. A write that reads the package ends well, and the
        next import or retirement removes it. Misuse for a release that is not known.
        """
        return retiring.retire(self._machine, release, session)

    def admit(self, medium: Path) -> tuple[Admission, ...]:
        """Judge the requests on a medium and remember the admitted ones."""
        return collecting.admit(self._machine, medium)

    def write(
        self,
        medium: Path,
        devices: tuple[str, ...],
        session: Session,
        report: Report,
        *,
        release: bytes | None = None,
        mode: Mode = Mode.SEALED,
        whole: bool = False,
        ahead: bool = False,
        cancelled: Cancelled = lambda: False,
    ) -> WriteResult:
        """Seal for devices that have asked, write to the medium, read back.

        Requests of the devices on the medium are admitted first. Without `release` each device gets the
        newest one for it. Chunks that the devices have are left out, where their requests say so, unless the
        package is to be `whole`. One that is written `ahead` answers no request, for devices that asked once:
        Refusal(request-mismatch) where the policy does not allow it.

        Raises Refusal(device-not-entitled), (incompatible-hardware), (rollback), (already-installed),
        (medium-*) and others; raises Cancel when `cancelled` says so. Either way the medium is as it was
        before, also where a package of several had been finished, except for newer revocation lists and,
        where the room was needed, packages of this box that the new ones were to supersede. Otherwise these
        go when the new ones have been read back.
        """
        order = WriteOrder(devices, release, mode, whole, ahead)
        return writing.write(self._machine, medium, order, session, report, cancelled)

    def collect(self, medium: Path) -> tuple[CollectedReceipt, ...]:
        """Read the receipts on a medium and keep them."""
        return collecting.collect(self._machine, medium)

    def follow(self, medium: Path) -> tuple[DirectiveResult, ...]:
        """Follow the vendor's directives to this box, as `import_release`, `admit` and `collect` do too."""
        own = self._machine.own()
        with self._machine.opened(medium, writable=False) as volume:
            return self._machine.follow(own, volume)
