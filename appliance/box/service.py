"""The box's facade: all that the command line and the kiosk may ask of a box."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box import (
    admission,
    directives,
    dispatch,
    identity,
    importing,
    receipts,
    renewal,
    rules,
    survey,
    tidying,
    users,
)
from appliance.box.admission import Admission
from appliance.box.configuration import Configuration
from appliance.box.context import Context
from appliance.box.delivery import Cancelled, Delivery, Written
from appliance.box.directives import DirectiveResult
from appliance.box.exporting import ledger_file, receipts_file
from appliance.box.holdings import StoredPackage, stored_packages
from appliance.box.identity import Identity
from appliance.box.importing import ReleaseInfo
from appliance.box.judging import JudgedReceipt, JudgedRequest, judge_receipts, judge_requests
from appliance.box.ledger import Ledger, LedgerEntry, LedgerState
from appliance.box.receipts import CollectedReceipt, ReceiptInfo
from appliance.box.rules import Rule, Rules, RuleSource, Verdict
from appliance.box.schema import DeviceRow, ReleaseRow
from appliance.box.store import Store
from appliance.box.survey import MediumReport
from appliance.box.users import Session, User, UserRole
from appliance.media import MediaWatcher, open_medium
from appliance.media.formatting import LABEL, Formatted, format_medium
from appliance.tpm import Authorisation, Tpm, TpmStatus, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.chain import ExpiryWarning, expiry_warnings
from appliance.trust.clock import TrustedTime, passed, raised_floor, trusted_time
from appliance.trust.crl import RevocationLists
from appliance.trust.time_sources import open_time_source
from appliance.trust.verifier import PackageBytes
from media_format.crl_files import read_crls
from media_format.errors import MachineFault, Misuse
from media_format.objects import DeviceKind, Entitlement, Mode
from media_format.package import PackageReader, list_packages
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_SECRET_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """The health of a box, for one look."""

    id: str
    vendor: str | None
    time: TrustedTime | None
    time_problem: str | None
    tpm: TpmStatus
    releases: int
    devices: int
    warnings: tuple[ExpiryWarning, ...]
    free: int
    """Bytes free where the store is."""
    time_advice: str | None = None
    """What to do about a clock that is not trusted."""
    revoked: bool = False
    """Whether the vendor revoked this box: it does nothing any more."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as lists show it."""

    id: str
    epoch: int
    product: str
    line: str
    hardware: str
    counter: int
    allowed: bool
    last_seen: int


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What was written to a medium; it may be removed now."""

    packages: tuple[Written, ...]


class BoxService:
    """One update box. Reading lists needs nobody; what decrypts or signs needs a person's `Session`."""

    def __init__(self, folder: Path, configuration: Configuration, tpm: Tpm, store: Store) -> None:
        self._folder = folder
        self._configuration = configuration
        self._tpm = tpm
        self._store = store
        self._ledger = Ledger(store, tpm)
        self._sources = tuple(map(open_time_source, configuration.time_sources))

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
        book = Ledger(Store.create(folder), opened)
        time = TrustedTime(now(), "system")

        def sign(digest: bytes) -> bytes:
            return opened.sign(identity.IDENTITY, digest, auth)

        with book.entry(time, "init", f"box {box_id}", supervisor, sign) as transaction:
            users.add(transaction, opened, supervisor, UserRole.SUPERVISOR, pin, secret)
        request = identity.enrolment(opened, box_id, auth)
        Configuration(id=box_id, tpm=uri).save(folder)
        return request

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], int]) -> BoxService:
        """The box in `folder`. MachineFault if there is none."""
        configuration = Configuration.load(folder)
        tpm = open_tpm(configuration.tpm, create=False, now=now, folder=folder)
        return cls(folder, configuration, tpm, Store(folder))

    @property
    def id(self) -> str:
        """The box's name."""
        return self._configuration.id

    # People

    def unlock(self, user: str, pin: str) -> Session:
        """Show a PIN. Refusal(pin-wrong), (tpm-locked) or (tpm-unavailable)."""
        with self._store.reading() as transaction:
            return users.unlock(transaction, self._tpm, user, pin)

    def users(self) -> tuple[User, ...]:
        """Everybody who may unlock the box."""
        with self._store.reading() as transaction:
            return users.listed(transaction)

    def add_user(self, name: str, role: UserRole, pin: str, session: Session) -> None:
        """Let another person use the box."""
        session.require(UserRole.SUPERVISOR)
        with self._acting(session, "user add", f"{name} as {role}") as transaction:
            users.add(transaction, self._tpm, name, role, pin, session.authorisation.secret)

    def reset_user(self, name: str, pin: str, session: Session) -> None:
        """Give a person a new PIN."""
        session.require(UserRole.SUPERVISOR)
        with self._acting(session, "user reset", name) as transaction:
            users.reset(transaction, self._tpm, name, pin, session.authorisation.secret)

    def remove_user(self, name: str, session: Session) -> None:
        """Take a person's right away."""
        session.require(UserRole.SUPERVISOR)
        with self._acting(session, "user remove", name) as transaction:
            users.remove(transaction, name)

    # Certificates

    def install_certificates(self, bundle: Bundle) -> Identity:
        """Take over what the vendor answered to the enrolment request."""
        installed = renewal.install(self._folder, bundle, self._tpm, self._configuration.id)
        bundle = installed.bundle
        lists = self._store.lists(bundle).take(bundle.crls)
        with self._ledger.entry(self._ledger_time(), "certificates", bundle.anchor.vendor) as transaction:
            self._store.keep_lists(transaction, bundle, lists)
            # The vendor's own dates are where a box's time begins; without them no clock is near enough.
            self._store.raise_time_floor(transaction, passed(lists.dates))
        return installed

    def install_lists(self, bundle: Bundle) -> int:
        """Take over the vendor's newer revocation lists; returns how many were news.

        Their dates have passed, whatever the box's clock says: no trusted time is needed, and a box that lay
        unused for longer than its horizon believes its clock again.

        Refusal(chain-invalid) for those of another vendor.
        """
        own = self._own().bundle
        bundle = bundle.under(own.anchor)
        known = self._store.lists(own)
        lists = known.take(bundle.crls)
        with self._ledger.entry(self._ledger_time(), "lists", bundle.anchor.vendor) as transaction:
            self._store.keep_lists(transaction, own, lists)
            self._store.raise_time_floor(transaction, passed(lists.dates))
        return len(set(lists.ders) - set(known.ders))

    # Lists

    def packages(self) -> tuple[StoredPackage, ...]:
        """The sealed packages on disk."""
        volume = self._store.packages()
        try:
            with self._store.reading() as transaction:
                return stored_packages(transaction, volume)
        finally:
            volume.close()

    def export_receipts(self) -> tuple[bytes, int]:
        """A file of the receipts for the vendor, and how many are in it."""
        with self._store.reading() as transaction:
            return receipts_file(transaction)

    def export_ledger(self) -> tuple[bytes, int]:
        """A file of the whole ledger for an auditor, and how many entries are in it."""
        with self._store.reading() as transaction:
            return ledger_file(transaction, self.id, self._tpm.public(identity.IDENTITY))

    def releases(self) -> tuple[ReleaseInfo, ...]:
        """What the box can deliver, the newest first."""
        with self._store.reading() as transaction:
            order = (ReleaseRow.product, ReleaseRow.line, ReleaseRow.release_index.desc())
            return tuple(
                importing.info(row) for row in transaction.scalars(select(ReleaseRow).order_by(*order))
            )

    def devices(self) -> tuple[DeviceInfo, ...]:
        """The devices the box has seen."""
        with self._store.reading() as transaction:
            held = self._rules(transaction)
            rows = transaction.scalars(select(DeviceRow).order_by(DeviceRow.id, DeviceRow.epoch))
            return tuple(_device_info(held, row) for row in rows)

    def receipts(self, limit: int = 1000) -> tuple[ReceiptInfo, ...]:
        """The receipts collected last, the newest first."""
        with self._store.reading() as transaction:
            return receipts.newest(transaction, limit)

    def ledger(self, limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """The newest acts, the newest first."""
        return self._ledger.newest(limit)

    def check_ledger(self) -> LedgerState:
        """Whether the ledger is whole."""
        key = load_der_public_key(self._tpm.public(identity.IDENTITY))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self._ledger.verify(lambda digest, signature: _signed_by(key, digest, signature))

    def status(self) -> BoxStatus:
        """The health of the box."""
        own = self._identity_or_none()
        time, problem, advice = self._time_or_problem(own)
        warnings: tuple[ExpiryWarning, ...] = ()
        if own is not None and time is not None:
            warnings = expiry_warnings(own.signing, time.time) + expiry_warnings(own.transport, time.time)
        revoked = own is not None and self._is_revoked(own)
        return BoxStatus(
            id=self._configuration.id,
            vendor=own.bundle.anchor.vendor if own else None,
            time=time,
            time_problem=problem,
            tpm=self._tpm.status(),
            releases=len(self.releases()),
            devices=len(self.devices()),
            warnings=warnings,
            free=shutil.disk_usage(self._folder).free,
            time_advice=advice,
            revoked=revoked,
        )

    def record_fault(self, what: str) -> None:
        """Enter into the ledger that a program of the box failed in a way nobody foresaw."""
        with self._ledger.entry(self._ledger_time(), "fault", what):
            pass

    # Rules

    def rules(self) -> tuple[Rule, ...]:
        """Every rule: the box's own, then the vendor's."""
        with self._store.reading() as transaction:
            return self._rules(transaction).listed()

    def own_rules(self) -> tuple[Entitlement, ...]:
        """The box's own rules, as `replace_rules` takes them."""
        with self._store.reading() as transaction:
            return self._rules(transaction).own

    def verdict(self, device_id: str, kind: DeviceKind | None = None) -> Verdict:
        """Which rules decide about a device. Misuse without `kind` for one that has not asked here."""
        with self._store.reading() as transaction:
            kind = kind or admission.kind_of(transaction, device_id)
            return self._rules(transaction).judge(device_id, kind)

    def put_rule(self, entry: Entitlement, session: Session) -> Rule:
        """Make a rule, in the place of the one that selects the same."""
        session.require(UserRole.SUPERVISOR)
        act, _, selected = rules.in_words(entry).partition(" ")
        with self._acting(session, act, selected) as transaction:
            rules.put(transaction, entry)
        return rules.shown(RuleSource.BOX, entry)

    def replace_rules(self, entries: tuple[Entitlement, ...], session: Session) -> None:
        """Put rules in the place of all that the box had; the vendor's stay."""
        session.require(UserRole.SUPERVISOR)
        with self._acting(session, "rules", f"{len(entries)} in place of all") as transaction:
            rules.replace(transaction, entries)

    # Media

    def format(
        self, medium: Path, report: Report, *, label: str = LABEL, image: bool = False, full: bool = False
    ) -> Formatted:
        """Make a medium ready for use; everything on it is lost. As `appliance.media.formatting`."""
        loops = tuple(Path(name) for name in self._configuration.loops)
        done = format_medium(medium, loops=loops, label=label, image=image, full=full, report=report)
        detail = f"{medium}: {done.size} bytes, {done.kind}, capacity check {done.check}"
        with self._ledger.entry(self._ledger_time(), "format", detail):
            pass
        return done

    def watch_media(self, *, udev: bool = True, directories: tuple[Path, ...] = ()) -> MediaWatcher:
        """A watcher for this box's media; to be closed by the caller."""
        loops = tuple(Path(name) for name in self._configuration.loops)
        return MediaWatcher(udev=udev, directories=directories, loops=loops)

    def survey(self, medium: Path) -> MediumReport:
        """What is on a medium, and what to do next. Nothing is changed."""
        context = self._context()
        with self._opened(medium, writable=False) as volume:
            requests = tuple(judged.admission for judged in judge_requests(context, volume))
            new = sum(judged.collected.new for judged in judge_receipts(context, volume))
            packages = survey.packages(volume)
            info, foreign = volume.info(), survey.foreign(volume)
        known = frozenset(release.package_id for release in self.releases())
        action, suggestion = survey.suggest(requests, new, packages, known)
        return MediumReport(info, requests, new, packages, foreign, action, suggestion)

    def import_release(self, source: Path, session: Session, report: Report) -> tuple[ReleaseInfo, ...]:
        """Take in every release on a medium (or in a directory) that the box does not have yet.

        One that is refused does not keep the others out: its refusal is raised when they are in. Releases for
        other boxes are passed over where there is one for this box.
        """
        with self._reading(source) as (context, volume), self._store.importing():
            crls = self._learn(context, volume)
            folders = [
                name for name in list_packages(volume) if survey.package(volume, name).kind != "delivery"
            ]
            if not folders:
                raise Refusal(
                    Code.TRUNCATED, f"{source} holds no whole release; name what `vendor release` wrote to"
                )
            taken, refusals = [], []
            for folder in folders:
                try:
                    reader = PackageReader(volume, folder)
                    taken.append(self._import(context, reader, crls, session, report))
                except Refusal as refusal:
                    if refusal.code is Code.MEDIUM_PULLED:
                        raise
                    refusals.append(refusal)
        mine = [refusal for refusal in refusals if refusal.code is not Code.NOT_FOR_THIS_DEVICE]
        for problem in mine or ([] if taken else refusals):
            raise problem
        return tuple(taken)

    def admit(self, medium: Path) -> tuple[Admission, ...]:
        """Judge the requests on a medium and remember the admitted ones."""
        with self._reading(medium) as (context, volume):
            self._learn(context, volume)
            judged = judge_requests(context, volume)
        return tuple(self._admit(context, found) for found in judged)

    def write(
        self,
        medium: Path,
        devices: tuple[str, ...],
        session: Session,
        report: Report,
        *,
        release: bytes | None = None,
        mode: Mode = Mode.SEALED,
        cancelled: Cancelled = lambda: False,
    ) -> WriteResult:
        """Seal for devices that have asked, write to the medium, read back.

        Without `release` each device gets the newest one for it. Raises Refusal(device-not-entitled),
        (incompatible-hardware), (rollback), (already-installed), (medium-*) and others; raises Cancel when
        `cancelled` says so. Either way the medium is as it was before, also where a package of several
        had been finished, except for newer revocation lists and, where the room was needed, packages of this
        box that the new ones were to supersede. Otherwise these go when the new ones have been read back.
        """
        if not devices:
            raise Misuse("name at least one device to write for")
        context = self._context()
        if mode not in context.anchor.policy.modes:
            raise Refusal(Code.UNSUPPORTED_FORMAT, f"the vendor's policy does not allow the mode '{mode}'")
        with self._opened(medium, writable=True) as volume, ExitStack() as sources:
            self._learn(context, volume)
            chosen = [dispatch.choose(context, device, release, mode) for device in dict.fromkeys(devices)]
            groups = (tuple(chosen),) if mode is Mode.SHARED else tuple((choice,) for choice in chosen)
            orders = tuple(
                dispatch.prepare(context, volume, sources, group, session, mode) for group in groups
            )
            superseded = dispatch.make_room(context, volume, orders)
            with self._in_ledger(session, orders):
                written = dispatch.deliver(context, volume, orders, report, cancelled)
            tidying.remove(volume, superseded)
            tidying.remove_old_lists(volume, context.lists())
        return WriteResult(written)

    def collect(self, medium: Path) -> tuple[CollectedReceipt, ...]:
        """Read the receipts on a medium and keep them."""
        with self._reading(medium) as (context, volume):
            self._learn(context, volume)
            judged = judge_receipts(context, volume)
        return tuple(self._collect(context, found) for found in judged)

    def follow(self, medium: Path) -> tuple[DirectiveResult, ...]:
        """Follow the vendor's directives to this box, as `import_release`, `admit` and `collect` do too."""
        own = self._own()
        with self._opened(medium, writable=False) as volume:
            return self._follow(own, volume)

    # Inside

    @contextmanager
    def _reading(self, medium: Path) -> Iterator[tuple[Context, Volume]]:
        """A medium whose directives were followed: they may be what the rest needs to be believed."""
        own = self._own()
        with self._opened(medium, writable=False) as volume:
            self._follow(own, volume)
            yield self._context(), volume

    def _follow(self, own: Identity, volume: Volume) -> tuple[DirectiveResult, ...]:
        results = []
        for file in directives.for_box(volume, own):
            own = self._own()
            now, _, _ = self._time_or_problem(own)
            place = (self._folder, self._store, self._ledger, own, now, self._ledger_time())
            results.append(directives.follow(directives.Follower(*place), volume, file))
        return tuple(results)

    def _learn(self, context: Context, volume: Volume) -> tuple[bytes, ...]:
        """Keep newer revocation lists, whatever becomes of the rest; returns what is on the medium."""
        crls, known = read_crls(volume), context.lists()
        lists = known.take(crls)
        if lists.ders != known.ders:
            with self._ledger.entry(
                context.now, "revocation lists", "newer ones from a medium"
            ) as transaction:
                self._store.keep_lists(transaction, context.own.bundle, lists)
        return crls

    def _admit(self, context: Context, found: JudgedRequest) -> Admission:
        """Remember a request; judged again, since another one may have come in between."""
        verified = found.verified
        if verified is None:
            return found.admission
        detail = f"{found.admission.device_id} request {found.admission.counter}"
        try:
            with self._ledger.entry(context.now, "admit", detail) as transaction:
                admission.judge(transaction, verified, default_allowed=context.allow_by_default)
                admission.remember(transaction, verified, found.data, context.now.time)
                self._store.keep_lists(transaction, context.own.bundle, verified.lists)
        except Refusal as refusal:
            return admission.refused(found.admission.file, verified, refusal)
        return found.admission

    def _collect(self, context: Context, found: JudgedReceipt) -> CollectedReceipt:
        """Keep a receipt; looked up again, since another one may have come in between."""
        collected, verified = found.collected, found.verified
        if verified is None or not collected.new:
            return collected
        receipt = verified.receipt
        detail = f"{receipt.device_id} receipt {receipt.counter}: {receipt.outcome.name.lower()}"
        try:
            with self._ledger.entry(context.now, "collect", detail) as transaction:
                info, new = receipts.preview(transaction, verified, found.data, context.now.time)
                if new:
                    info = receipts.keep(transaction, verified, found.data, context.now.time)
        except Refusal as refusal:
            return CollectedReceipt(collected.file, False, None, refusal.code, refusal.detail)
        return CollectedReceipt(collected.file, new, info)

    @contextmanager
    def _in_ledger(self, session: Session, orders: tuple[Delivery, ...]) -> Iterator[None]:
        """Entries before packages can exist, and when they stand on the medium or were withdrawn."""
        self._enter(session, "seal", orders)
        try:
            yield
        except BaseException as error:
            reason = error.code if isinstance(error, Refusal) else type(error).__name__.lower()
            with suppress(MachineFault):
                self._enter(session, "withdraw", orders, f": {reason}")
            raise
        self._enter(session, "write", orders)

    def _enter(self, session: Session, act: str, orders: tuple[Delivery, ...], reason: str = "") -> None:
        for order in orders:
            manifest = order.release.manifest
            named = f"{manifest.product} {manifest.version} for {', '.join(order.devices)}"
            with self._acting(session, act, f"{named} as {order.package_id.hex()}{reason}"):
                pass

    def _context(self) -> Context:
        own = self._own()
        context = Context(self._store, self._tpm, own, self._time(own), self._configuration.allow_by_default)
        _judge_own(own, context.lists())
        return context

    def _is_revoked(self, own: Identity) -> bool:
        try:
            _judge_own(own, self._store.lists(own.bundle))
        except Refusal:
            return True
        return False

    def _import(
        self,
        context: Context,
        reader: PackageReader,
        crls: tuple[bytes, ...],
        session: Session,
        report: Report,
    ) -> ReleaseInfo:
        package = PackageBytes(reader.manifest(), reader.envelope(), crls)
        verified = importing.admit(package, context.own, context.lists(), context.now)
        with self._store.reading() as transaction:
            known = importing.known(transaction, verified)
        if known is not None and self._store.holds(known.package_id):
            return importing.info(known)
        key = importing.content_key(verified, context.own, self._tpm, session)
        importing.copy_in(reader, package, verified, key, self._store, report)
        manifest = verified.manifest
        with self._acting(session, "import", f"{manifest.product} {manifest.version}") as transaction:
            row = importing.record(transaction, verified, package.manifest, context.now)
            self._store.keep_lists(transaction, context.own.bundle, verified.lists)
            dates = (manifest.created, *verified.lists.dates)
            floor = raised_floor(self._store.time_floor(), context.now, dates)
            self._store.raise_time_floor(transaction, floor)
        return importing.info(row)

    def _own(self) -> Identity:
        """Who the box is. Misuse where it has no certificates yet."""
        return identity.load(self._folder, self._tpm, self._configuration.id)

    def _identity_or_none(self) -> Identity | None:
        try:
            return self._own()
        except (Misuse, Refusal):
            return None

    def _time(self, own: Identity) -> TrustedTime:
        readings = [(source.name, source.read()) for source in self._sources]
        return trusted_time(readings, self._store.time_floor(), own.bundle.anchor.policy.clock_horizon)

    def _time_or_problem(self, own: Identity | None) -> tuple[TrustedTime | None, str | None, str | None]:
        """The trusted time, or why there is none and what to do about it."""
        if own is None:
            return None, "no certificates yet", None
        try:
            return self._time(own), None, None
        except Refusal as refusal:
            return None, str(refusal), refusal.advice

    def _ledger_time(self) -> TrustedTime:
        """What the clocks say, trusted or not: an act is entered whatever the time is."""
        for source in self._sources:
            time = source.read()
            if time is not None:
                return TrustedTime(time, source.name)
        return TrustedTime(0, "none")

    @contextmanager
    def _opened(self, medium: Path, *, writable: bool) -> Iterator[Volume]:
        loops = tuple(Path(name) for name in self._configuration.loops)
        volume = open_medium(medium, writable=writable, loops=loops)
        try:
            yield volume
        finally:
            volume.close()

    @contextmanager
    def _acting(self, session: Session, act: str, detail: str) -> Iterator[Transaction]:
        """A person's transaction; its entry in the ledger is signed."""

        def sign(digest: bytes) -> bytes:
            return self._tpm.sign(identity.IDENTITY, digest, session.authorisation)

        with self._ledger.entry(self._ledger_time(), act, detail, session.user, sign) as transaction:
            yield transaction

    def _rules(self, transaction: Transaction) -> Rules:
        return rules.held(transaction, allow_by_default=self._configuration.allow_by_default)


def _device_info(held: Rules, row: DeviceRow) -> DeviceInfo:
    kind = DeviceKind(product=row.product, line=row.line, hardware=row.hardware)
    allowed = held.judge(row.id, kind).allowed
    return DeviceInfo(
        row.id, row.epoch, row.product, row.line, row.hardware, row.counter, allowed, row.last_seen
    )


def _signed_by(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _judge_own(own: Identity, lists: RevocationLists) -> None:
    """A box that was revoked does nothing for anybody. Refusal(revoked)."""
    for certificate in (own.signing, own.transport):
        try:
            lists.judge_chain(certificate)
        except Refusal as refusal:
            raise Refusal(refusal.code, f"the vendor revoked this box: {refusal.detail}") from None
