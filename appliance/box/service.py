"""The box's facade: all that the command line and the kiosk may ask of a box."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box import admission, delivery, identity, importing, ledger, receipts, survey, users
from appliance.box.admission import Admission
from appliance.box.configuration import Configuration
from appliance.box.delivery import Cancelled, Delivery, Target, Written
from appliance.box.identity import Identity
from appliance.box.importing import ReleaseInfo
from appliance.box.ledger import LedgerEntry, LedgerState
from appliance.box.receipts import CollectedReceipt, ReceiptInfo
from appliance.box.schema import DeviceRow, ReleaseRow, RuleRow
from appliance.box.store import Store
from appliance.box.survey import Action, MediumReport
from appliance.box.users import Session, User, UserRole
from appliance.media import MediaWatcher, open_medium
from appliance.tpm import Authorisation, Tpm, TpmStatus, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.chain import ExpiryWarning, expiry_warnings
from appliance.trust.clock import DevelopmentClock, TimeSource, TrustedTime, raised_floor, trusted_time
from appliance.trust.crl import RevocationLists
from appliance.trust.receipt import admit_receipt
from appliance.trust.request import VerifiedRequest, admit_request
from appliance.trust.verifier import PackageBytes
from media_format import layout, limits
from media_format.crl_files import read_crls, write_crls
from media_format.errors import Misuse
from media_format.objects import Answer, Cipher, DeviceBinding, Mode
from media_format.package import PackageReader, list_packages
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_SECRET_SIZE: Final = 32
_SIGNATURES: Final = limits.MAX_SIGNATURES * 2 * limits.MAX_CHAIN * limits.MAX_CERTIFICATE


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
        self._sources = tuple(_time_source(name) for name in configuration.time_sources)

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
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        uri = tpm or f"soft:{folder / 'tpm'}"
        opened = open_tpm(uri, create=True, now=now)
        secret = opened.random(_SECRET_SIZE)
        auth = Authorisation(secret)
        identity.create_keys(opened, auth)
        store = Store.create(folder)
        with store.transaction() as transaction:
            users.add(transaction, opened, supervisor, UserRole.SUPERVISOR, pin, secret)
            ledger.append(transaction, now(), "system", supervisor, "init", f"box {box_id}")
        request = identity.enrolment(opened, box_id, auth)
        Configuration(id=box_id, tpm=uri).save(folder)
        return request

    @classmethod
    def open(cls, folder: Path, *, now: Callable[[], int]) -> BoxService:
        """The box in `folder`. MachineFault if there is none."""
        configuration = Configuration.load(folder)
        return cls(folder, configuration, open_tpm(configuration.tpm, create=False, now=now), Store(folder))

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
        installed = identity.install(self._folder, bundle, self._tpm, self._configuration.id)
        lists = self._store.lists(bundle.anchor).take(bundle.crls, bundle.issuers())
        with self._store.transaction() as transaction:
            self._store.keep_lists(transaction, lists)
            time, source = self._ledger_time()
            ledger.append(transaction, time, source, "", "certificates", bundle.anchor.vendor)
        return installed

    # Lists

    def releases(self) -> tuple[ReleaseInfo, ...]:
        """What the box can deliver, the newest first."""
        with self._store.reading() as transaction:
            order = (ReleaseRow.product, ReleaseRow.line, ReleaseRow.release_index.desc())
            return tuple(
                _release_info(row) for row in transaction.scalars(select(ReleaseRow).order_by(*order))
            )

    def devices(self) -> tuple[DeviceInfo, ...]:
        """The devices the box has seen."""
        with self._store.reading() as transaction:
            rows = transaction.scalars(select(DeviceRow).order_by(DeviceRow.id, DeviceRow.epoch))
            return tuple(self._device_info(transaction, row) for row in rows)

    def receipts(self, limit: int = 1000) -> tuple[ReceiptInfo, ...]:
        """The receipts collected last, the newest first."""
        with self._store.reading() as transaction:
            return receipts.newest(transaction, limit)

    def ledger(self, limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """The newest acts, the newest first."""
        with self._store.reading() as transaction:
            return ledger.entries(transaction, limit)

    def check_ledger(self) -> LedgerState:
        """Whether the ledger is whole."""
        key = load_der_public_key(self._tpm.public(identity.IDENTITY))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        with self._store.reading() as transaction:
            return ledger.verify(transaction, lambda digest, signature: _signed_by(key, digest, signature))

    def status(self) -> BoxStatus:
        """The health of the box."""
        own = self._identity_or_none()
        time, problem = self._time_or_problem(own)
        warnings: tuple[ExpiryWarning, ...] = ()
        if own is not None and time is not None:
            warnings = expiry_warnings(own.signing, time.time) + expiry_warnings(own.transport, time.time)
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
        )

    # Rules

    def allow(self, subject: str, name: str, session: Session, *, allowed: bool) -> None:
        """Allow or deny a "device" or a "product"."""
        session.require(UserRole.SUPERVISOR)
        act = "allow" if allowed else "deny"
        with self._acting(session, act, f"{subject} {name}") as transaction:
            transaction.merge(RuleRow(subject=subject, name=name, allowed=int(allowed)))

    # Media

    def watch_media(self, *, udev: bool = True, directories: tuple[Path, ...] = ()) -> MediaWatcher:
        """A watcher for this box's media; to be closed by the caller."""
        loops = tuple(Path(name) for name in self._configuration.loops)
        return MediaWatcher(udev=udev, directories=directories, loops=loops)

    def survey(self, medium: Path) -> MediumReport:
        """What is on a medium, and what to do next. Nothing is changed."""
        own = self._identity()
        now = self._time(own)
        with self._opened(medium, writable=False) as volume:
            requests = tuple(found for found, _, _ in self._judged(volume, own, now))
            collected = [found for found, _ in self._judged_receipts(volume, own, now)]
            packages = survey.packages(volume)
            info, foreign = volume.info(), survey.foreign(volume)
        known = frozenset(release.package_id for release in self.releases())
        new = sum(found.new for found in collected)
        action, suggestion = survey.suggest(requests, new, packages, known)
        return MediumReport(info, requests, new, packages, foreign, action, suggestion)

    def import_release(self, source: Path, session: Session, report: Report) -> tuple[ReleaseInfo, ...]:
        """Take in every release on a medium (or in a directory) that the box does not have yet."""
        own = self._identity()
        now = self._time(own)
        with self._opened(source, writable=False) as volume:
            crls = read_crls(volume)
            imported = [
                self._import(PackageReader(volume, folder), crls, own, now, session, report)
                for folder in list_packages(volume)
                if survey.package(volume, folder).kind != "delivery"
            ]
        if not imported:
            raise Refusal(Code.TRUNCATED, f"{source} holds no release from a vendor")
        return tuple(imported)

    def admit(self, medium: Path) -> tuple[Admission, ...]:
        """Judge the requests on a medium and remember the admitted ones."""
        own = self._identity()
        now = self._time(own)
        with self._opened(medium, writable=False) as volume:
            judged = self._judged(volume, own, now)
        for found, verified, data in judged:
            if verified is not None:
                with self._noting(
                    now, "", "admit", f"{found.device_id} request {found.counter}"
                ) as transaction:
                    admission.remember(transaction, verified, data, now.time)
                    self._store.keep_lists(transaction, verified.lists)
        return tuple(found for found, _, _ in judged)

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
        (incompatible-hardware), (rollback), (already-installed), (medium-*) and others; a medium that
        was refused is as it was before.
        """
        if not devices:
            raise Misuse("name at least one device to write for")
        own = self._identity()
        now = self._time(own)
        if mode not in own.bundle.anchor.policy.modes:
            raise Refusal(Code.UNSUPPORTED_FORMAT, f"the vendor's policy does not allow the mode {mode!r}")
        chosen = [self._choose(device, release, own, now) for device in devices]
        groups = [chosen] if mode is Mode.SHARED else [[one] for one in chosen]
        with self._opened(medium, writable=True) as volume:
            written = tuple(
                self._deliver(volume, group, own, now, session, mode, report, cancelled) for group in groups
            )
            write_crls(volume, self._store.lists(own.bundle.anchor).ders)
        return WriteResult(written)

    def collect(self, medium: Path) -> tuple[CollectedReceipt, ...]:
        """Read the receipts on a medium and keep them."""
        own = self._identity()
        now = self._time(own)
        with self._opened(medium, writable=False) as volume:
            judged = self._judged_receipts(volume, own, now)
        for found, keep in judged:
            if found.new and keep is not None and found.receipt is not None:
                detail = f"{found.receipt.device_id} receipt {found.receipt.counter}: {found.receipt.outcome}"
                with self._noting(now, "", "collect", detail) as transaction:
                    keep(transaction)
        return tuple(found for found, _ in judged)

    # Inside

    def _identity(self) -> Identity:
        return identity.load(self._folder, self._tpm, self._configuration.id)

    def _identity_or_none(self) -> Identity | None:
        try:
            return self._identity()
        except (Misuse, Refusal):
            return None

    def _time(self, own: Identity) -> TrustedTime:
        readings = [(source.name, source.read()) for source in self._sources]
        return trusted_time(readings, self._store.time_floor(), own.bundle.anchor.policy.clock_horizon)

    def _time_or_problem(self, own: Identity | None) -> tuple[TrustedTime | None, str | None]:
        if own is None:
            return None, "no certificates yet"
        try:
            return self._time(own), None
        except Refusal as refusal:
            return None, str(refusal)

    def _ledger_time(self) -> tuple[int, str]:
        for source in self._sources:
            time = source.read()
            if time is not None:
                return time, source.name
        return 0, "none"

    @contextmanager
    def _opened(self, medium: Path, *, writable: bool) -> Iterator[Volume]:
        loops = tuple(Path(name) for name in self._configuration.loops)
        volume = open_medium(medium, writable=writable, loops=loops)
        try:
            yield volume
        finally:
            volume.close()

    @contextmanager
    def _noting(self, now: TrustedTime, who: str, act: str, detail: str) -> Iterator[Transaction]:
        """A transaction with its line in the ledger."""
        with self._store.transaction() as transaction:
            yield transaction
            ledger.append(transaction, now.time, now.source, who, act, detail)

    @contextmanager
    def _acting(self, session: Session, act: str, detail: str) -> Iterator[Transaction]:
        """A person's transaction; its line in the ledger is signed."""
        time, source = self._ledger_time()
        with self._store.transaction() as transaction:
            yield transaction
            ledger.append(transaction, time, source, session.user, act, detail, self._sign(session))

    def _sign(self, session: Session) -> Callable[[bytes], bytes]:
        return lambda digest: self._tpm.sign(identity.IDENTITY, digest, session.authorisation)

    def _device_info(self, transaction: Transaction, row: DeviceRow) -> DeviceInfo:
        default = self._configuration.allow_by_default
        allowed = admission.entitled(transaction, row.id, row.product, default=default)
        return DeviceInfo(
            row.id, row.epoch, row.product, row.line, row.hardware, row.counter, allowed, row.last_seen
        )

    def _judged(
        self, volume: Volume, own: Identity, now: TrustedTime
    ) -> list[tuple[Admission, VerifiedRequest | None, bytes]]:
        """The requests on a medium, each with its judgement."""
        crls = read_crls(volume)
        lists = self._store.lists(own.bundle.anchor)
        judged = []
        for entry in survey.files(volume, layout.REQUESTS, layout.REQUEST_SUFFIX):
            judged.append(self._judge(volume, entry.name, own, lists, crls, now))
        return _newest_of_each(judged)

    def _judge(
        self,
        volume: Volume,
        name: str,
        own: Identity,
        lists: RevocationLists,
        crls: tuple[bytes, ...],
        now: TrustedTime,
    ) -> tuple[Admission, VerifiedRequest | None, bytes]:
        verified: VerifiedRequest | None = None
        data = b""
        try:
            data = volume.read_object(f"{layout.REQUESTS}/{name}", limits.MAX_REQUEST + _SIGNATURES)
            verified = admit_request(data, own.bundle.anchor, lists, now.time, crls)
            request = verified.request
            with self._store.reading() as transaction:
                admission.judge(transaction, verified, default_allowed=self._configuration.allow_by_default)
                row = admission.newest_release(transaction, request)
            found = Admission(
                file=name,
                device_id=request.device_id,
                product=request.product,
                version=admission.running_version(request),
                counter=request.counter,
                code=None,
                detail="",
                release=row.manifest_digest if row else None,
                release_version=row.version if row else None,
            )
            return found, verified, data
        except Refusal as refusal:
            asked = verified.request if verified else None
            found = Admission(
                file=name,
                device_id=asked.device_id if asked else None,
                product=asked.product if asked else None,
                version=admission.running_version(asked) if asked else None,
                counter=asked.counter if asked else None,
                code=refusal.code,
                detail=refusal.detail,
                release=None,
                release_version=None,
            )
            return found, None, data

    def _judged_receipts(
        self, volume: Volume, own: Identity, now: TrustedTime
    ) -> list[tuple[CollectedReceipt, Callable[[Transaction], object] | None]]:
        crls = read_crls(volume)
        lists = self._store.lists(own.bundle.anchor)
        judged = []
        for entry in survey.files(volume, layout.RECEIPTS, layout.RECEIPT_SUFFIX):
            judged.append(self._judge_receipt(volume, entry.name, own, lists, crls, now))
        return judged

    def _judge_receipt(
        self,
        volume: Volume,
        name: str,
        own: Identity,
        lists: RevocationLists,
        crls: tuple[bytes, ...],
        now: TrustedTime,
    ) -> tuple[CollectedReceipt, Callable[[Transaction], object] | None]:
        try:
            data = volume.read_object(f"{layout.RECEIPTS}/{name}", limits.MAX_RECEIPT + _SIGNATURES)
            verified = admit_receipt(data, own.bundle.anchor, lists, now.time, crls)
            with self._store.transaction() as transaction:
                info, new = receipts.keep(transaction, verified, data, now.time)
                transaction.rollback()
        except Refusal as refusal:
            return CollectedReceipt(name, False, None, refusal.code, refusal.detail), None
        return CollectedReceipt(name, new, info), lambda transaction: receipts.keep(
            transaction, verified, data, now.time
        )

    def _import(
        self,
        reader: PackageReader,
        crls: tuple[bytes, ...],
        own: Identity,
        now: TrustedTime,
        session: Session,
        report: Report,
    ) -> ReleaseInfo:
        package = PackageBytes(reader.manifest(), reader.envelope(), crls)
        verified = importing.admit(package, own, self._store.lists(own.bundle.anchor), now)
        with self._store.reading() as transaction:
            known = transaction.get(ReleaseRow, verified.manifest_digest)
        if known is not None:
            return _release_info(known)
        key = importing.content_key(verified, own, self._tpm, session)
        importing.copy_in(reader, package, verified, key, self._store, report)
        manifest = verified.manifest
        with self._acting(session, "import", f"{manifest.product} {manifest.version}") as transaction:
            row = importing.record(transaction, verified, package.manifest, now)
            self._store.keep_lists(transaction, verified.lists)
            dates = (manifest.created, *verified.lists.dates)
            floor = raised_floor(self._store.time_floor(), now, dates)
            self._store.raise_time_floor(transaction, floor)
        return _release_info(row)

    def _choose(
        self, device: str, release: bytes | None, own: Identity, now: TrustedTime
    ) -> tuple[VerifiedRequest, ReleaseRow]:
        """The newest admitted request of a device, judged again, and the release it gets."""
        with self._store.reading() as transaction:
            row = transaction.scalars(
                select(DeviceRow).where(DeviceRow.id == device).order_by(DeviceRow.epoch.desc()).limit(1)
            ).first()
            if row is None or not row.request:
                raise Misuse(
                    f"no request of the device {device!r} was admitted; admit the medium it wrote first"
                )
            anchor = own.bundle.anchor
            verified = admit_request(row.request, anchor, self._store.lists(anchor), now.time)
            admission.judge(transaction, verified, default_allowed=self._configuration.allow_by_default)
            if release is None:
                chosen = admission.newest_release(transaction, verified.request)
                if chosen is None:
                    raise Refusal(Code.ALREADY_INSTALLED, f"the box has nothing newer for {device}")
            else:
                found = transaction.get(ReleaseRow, release)
                if found is None:
                    raise Misuse(f"the box has no release {release.hex()}")
                admission.check_release(found, verified.request)
                chosen = found
        return verified, chosen

    def _deliver(
        self,
        volume: Volume,
        group: list[tuple[VerifiedRequest, ReleaseRow]],
        own: Identity,
        now: TrustedTime,
        session: Session,
        mode: Mode,
        report: Report,
        cancelled: Cancelled,
    ) -> Written:
        row = group[0][1]
        if any(other.manifest_digest != row.manifest_digest for _, other in group):
            raise Misuse("devices that share a package must get the same release")
        lists = self._store.lists(own.bundle.anchor)
        with self._store.package(row.package_id) as source:
            package = PackageBytes(row.manifest, source.envelope())
            release = importing.admit(package, own, lists, now)
            written = delivery.write(
                volume,
                Delivery(
                    source=source,
                    release=release,
                    content_key=importing.content_key(release, own, self._tpm, session),
                    targets=tuple(self._target(verified) for verified, _ in group),
                    cipher=Cipher.NONE if mode is Mode.SIGNED else Cipher.COBBLESTONE_256,
                    signer=own.signer(self._tpm, session.authorisation),
                    issued_at=now.time,
                    crl_numbers=lists.numbers(),
                ),
                report,
                cancelled,
            )
        detail = f"{row.product} {row.version} for {', '.join(written.devices)} as {written.package_id.hex()}"
        with self._acting(session, "write", detail):
            pass
        return written

    def _target(self, verified: VerifiedRequest) -> Target:
        request, key = verified.request, verified.encryption.encryption
        assert key is not None
        with self._store.reading() as transaction:
            acknowledged = receipts.acknowledgement(transaction, request.device_id, request.epoch)
        binding = DeviceBinding(
            id=request.device_id,
            epoch=request.epoch,
            answers=Answer(nonce=request.nonce, counter=request.counter),
            acknowledges=acknowledged,
        )
        return Target(binding, key)


def _time_source(name: str) -> TimeSource:
    if name == DevelopmentClock.name:
        return DevelopmentClock()
    raise Misuse(f"box.toml: {name!r} is no source of time of this installation; use 'development'")


def _newest_of_each(
    judged: list[tuple[Admission, VerifiedRequest | None, bytes]],
) -> list[tuple[Admission, VerifiedRequest | None, bytes]]:
    """Of several admitted requests of one device only the newest is news; the others are superseded."""
    newest: dict[str, tuple[int, int]] = {}
    for _, verified, _ in judged:
        if verified is not None:
            place = (verified.request.epoch, verified.request.counter)
            name = verified.request.device_id
            newest[name] = max(newest.get(name, place), place)
    return [
        entry
        for entry in judged
        if entry[1] is None
        or newest[entry[1].request.device_id] == (entry[1].request.epoch, entry[1].request.counter)
    ]


def _release_info(row: ReleaseRow) -> ReleaseInfo:
    found = admission.manifest(row)
    return ReleaseInfo(
        manifest_digest=row.manifest_digest,
        package_id=row.package_id,
        product=row.product,
        line=row.line,
        version=row.version,
        index=row.release_index,
        hardware=found.hardware,
        notes=found.notes,
        size=sum(component.size for component in found.components),
        imported=row.imported,
    )


def _signed_by(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


__all__ = ["Action", "BoxService", "BoxStatus", "DeviceInfo", "WriteResult"]
