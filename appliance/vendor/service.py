"""The vendor's facade: what the command line may ask of a vendor's directory."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.trust.bundle import Bundle
from appliance.trust.chain import judge_dates
from appliance.trust.clock import DAY, moment
from appliance.trust.crl import RevocationLists
from appliance.trust.enrolment import VerifiedEnrolment, read_enrolment
from appliance.trust.issuing import (
    Revocation,
    issue_box,
    issue_crl,
    issue_device,
)
from appliance.trust.purpose import Purpose
from appliance.trust.renewal import OWN
from appliance.vendor import typed
from appliance.vendor.addressee import Addressee
from appliance.vendor.authority import ROOT, Authorities, check_passphrase, check_text
from appliance.vendor.directives import Directives, pinned
from appliance.vendor.register import Issued, Register, Released
from appliance.vendor.release import Built, ReleaseOrder, Sealing, write_release
from appliance.vendor.renewal import Issuances, end_of, renewed_leaves, serial_of
from appliance.vendor.resealing import SealOrder, find, sources_of, write_again
from appliance.vendor.signers import RELEASE_LIFETIME, Signers
from appliance.vendor.typed import Meant
from media_format import limits
from media_format.crl_files import write_crls
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import Family, Mode, Policy, Role, SignatureRule, TrustAnchor
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

CRL_LIFETIME: Final = 365 * DAY
_NO_BOX: Final = {
    Code.REVOKED: "Nothing is sealed for a revoked box; leave it out, or enrol it again with new keys.",
    Code.CERTIFICATE_EXPIRED: "Renew the certificates of this box (updatebox vendor renew), or leave it out.",
}
"""What the vendor is to do about a box that a release cannot be sealed for."""

DEFAULT_POLICY: Final = Policy(
    signatures=(SignatureRule(family=Family.ECDSA, count=1),),
    clock_horizon=20 * 365 * DAY,
    nonce_boots=10,
    nonce_uptime=30 * DAY,
    box_time=False,
    unrequested=True,
    modes=(Mode.SEALED,),
)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment that was answered. `fingerprint` is to be compared with what the machine shows."""

    role: str
    id: str
    epoch: int
    fingerprint: str
    bundle: Bundle


class Vendor:
    """A vendor's directory: authorities, register, revocation lists, trust anchor."""

    def __init__(
        self, folder: Path, authorities: Authorities, anchor: TrustAnchor, now: Callable[[], int]
    ) -> None:
        self._folder = folder
        self._authorities = authorities
        self._now = now
        self._register = Register.load(folder / "register.json")
        self._issuances = Issuances(folder)
        self.anchor = anchor

    @classmethod
    def create(
        cls, folder: Path, name: str, passphrase: str, now: Callable[[], int], policy: Policy = DEFAULT_POLICY
    ) -> Vendor:
        """A new vendor. Misuse if the directory holds one already; the anchor, written last, says so."""
        check_passphrase(passphrase)
        check_text("the vendor's name", name)
        if (folder / "anchor.cbr").exists():
            raise Misuse(f"{folder}: there is a vendor already")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authorities = Authorities.create(folder / "authority", name, passphrase, now())
        anchor = TrustAnchor(
            format=limits.FORMAT_VERSION,
            vendor=name,
            roots=(pinned(authorities.issuers[ROOT]),),
            policy=policy,
        )
        Register(folder / "register.json").save()
        vendor = cls(folder, authorities, anchor, now)
        vendor.renew_crls()
        replace_file(folder / "anchor.cbr", anchor.to_bytes(), 0o644)
        return vendor

    @classmethod
    def open(cls, folder: Path, passphrase: str, now: Callable[[], int]) -> Vendor:
        """The vendor in `folder`. Refusal(pin-wrong) for a wrong passphrase, Misuse if there is none."""
        path = folder / "anchor.cbr"
        if not path.exists():
            raise Misuse(
                f"{folder}: there is no vendor here; name its directory, or make one: updatebox vendor init"
            )
        try:
            anchor = TrustAnchor.from_bytes(path.read_bytes())
        except Refusal as refusal:
            raise MachineFault(f"{path} is damaged: {refusal.detail}") from None
        return cls(folder, Authorities.load(folder / "authority", passphrase), anchor, now)

    def enrol(self, role: Role, request: bytes) -> Enrolment:
        """Answer an enrolment request with certificates, every CA's among them, and the revocation lists.

        Misuse if it is of the other role, or names somebody who is enrolled with another key: two machines
        that pass for one would be told apart by nobody. Enrolment in a newer epoch revokes what was issued in
        the older ones; an older epoch is Misuse.
        """
        enrolment = read_enrolment(request)
        if enrolment.request.role is not role:
            raise Misuse(f"this is the enrolment request of a {enrolment.request.role}, not of a {role}")
        certificates = self._issue(role, enrolment)
        self._revoke_older(role, enrolment.request.id, enrolment.request.epoch)
        bundle = Bundle(self.anchor, certificates, self.crls())
        request_ = enrolment.request
        return Enrolment(str(role), request_.id, request_.epoch, enrolment.digest.hex(), bundle)

    def check_typed(self, order: ReleaseOrder, meant: Meant) -> None:
        """Misuse for an order that is unlike the releases of its line before it, unless that is meant."""
        typed.check(order, self.released, meant)

    def check_box(self, box: Bundle) -> None:
        """Whether releases may be sealed for a box. Misuse for another vendor's, Refusal(revoked)."""
        self._eligible((box,))

    def release(self, volume: Volume, order: ReleaseOrder, report: Report) -> Built:
        """Sign a release with a fresh signer, seal it for the order's boxes, and write it to `volume`."""
        order = self._checked(order)
        with self._register.changing():
            index = self._register.next_index(order.product, order.line)
        if order.security_floor > index:
            raise Misuse(f"this is release {index}; a security floor of {order.security_floor} is above it")
        signing = self._signers.signing(order, index, self._lists().numbers())
        write_crls(volume, self.crls())
        built = write_release(volume, order, signing, self._folder, report)
        place = (order.product, order.line, order.version, index, built.manifest_digest.hex())
        with self._register.changing():
            self._register.released.append(Released(*place, signing.created, typed.image_slots(order)))
        return built

    def seal(self, volume: Volume, source: Volume, order: SealOrder, report: Report) -> Built:
        """Seal a release that was made before for further boxes, from its images, and write it to `volume`.

        `source` holds it as it was made. It stays the same release: index and manifest digest are the same.
        Misuse for what is no release, and for images that are not its own; Refusal for one that was changed
        or is another vendor's, (revoked) where a signer of it was.
        """
        boxes, now = self._eligible(order.boxes), self._now()
        found = find(source, self.anchor, order.version)
        manifest, lists = found.release.manifest, self._lists()
        for signer in found.release.signers:
            lists.judge(signer, now, self.anchor.policy)
        if manifest.install_by is not None and manifest.install_by <= now:
            raise Misuse(f"{manifest.version} was to be installed by {moment(manifest.install_by)}")
        sources = sources_of(manifest, order.images, report)
        sealer = self._signers.sealer(manifest.product, manifest.line, manifest.index)
        dates = (lists.numbers(), now, now + RELEASE_LIFETIME)
        sealing = Sealing(boxes, sealer, *dates, found.segment_size)
        write_crls(volume, self.crls())
        return write_again(volume, found, sources, sealing, self._folder, report)

    def revoke(self, serial: int) -> Issued:
        """Revoke a certificate, whatever its renewals; otherwise as `revoke_all`."""
        return self.revoke_all((serial,))[0]

    def revoke_all(self, serials: Sequence[int]) -> tuple[Issued, ...]:
        """Revoke certificates issued here, with all others of the same keys, and renew the revocation lists.

        A box that was renewed holds several certificates for a key, and any of them would still do.
        Numbers that were not issued here are passed over, as long as one was: a bundle holds CAs as well.
        Misuse if none was.
        """
        wanted = {f"{serial:x}" for serial in serials}
        with self._register.changing():
            issued = self._register.issued
            keys = {entry.key for entry in issued if entry.serial in wanted} - {""}
            places = [
                place for place, entry in enumerate(issued) if entry.serial in wanted or entry.key in keys
            ]
            if not places:
                raise Misuse(
                    f"no certificate with the serial number {min(wanted, default='')} was issued here"
                )
            for place in places:
                moment = issued[place].revoked or self._now()
                issued[place] = dataclasses.replace(issued[place], revoked=moment)
            revoked = tuple(issued[place] for place in places)
        self.renew_crls()
        return revoked

    def crls(self) -> tuple[bytes, ...]:
        """The current revocation lists, in DER."""
        return tuple((self._folder / f"{name}.crl").read_bytes() for name in self._authorities.issuers)

    def renew_crls(self) -> None:
        """Issue every revocation list anew, each with the next number."""
        for name in self._authorities.issuers:
            with self._register.changing():
                number = self._register.crl_numbers.get(name, 0) + 1
                self._register.crl_numbers[name] = number
            self._issue_crl(name, number)

    @property
    def _signers(self) -> Signers:
        return Signers(self._authorities, self._register, self.anchor, self._now)

    @property
    def directives(self) -> Directives:
        """What can be ordered of single boxes and devices."""
        parts = (self._authorities, self._register, self._issuances, self.anchor)
        return Directives(*parts, self._now)

    def renew(self, whom: Addressee) -> Bundle:
        """Certificates with later dates for the keys a box or device has. Misuse if it is not enrolled."""
        with self._register.changing():
            parts = (self._authorities, self._register, self._issuances, self.anchor)
            leaves = renewed_leaves(whom, *parts, self._now())
        return Bundle(self.anchor, (*leaves, *self._authorities.issuing), self.crls())

    def renew_authority(self, name: str) -> None:
        """Give an issuing CA a certificate with later dates; its key stays, and all it issued. Misuse."""
        with self._register.changing():
            self._authorities.renew(name, self.anchor.vendor, self._now())

    def rotate_root(self, passphrase: str) -> str:
        """Make another root beside those there are, and certify the issuing CAs under it; returns its name.

        From now on new machines trust all roots; those in the field learn of it by a directive, and until
        `use_root` everything is signed under the root in use before. A rotation that was cut off is finished.
        """
        with self._register.changing():
            Authorities.load(self._folder / "authority", passphrase)
            known, roots = {root.certificate for root in self.anchor.roots}, self._authorities.roots
            left = [name for name, root in roots.items() if pinned(root).certificate not in known]
            vendor, now = self.anchor.vendor, self._now()
            name = left[0] if left else self._authorities.add_root(vendor, passphrase, now)
            self._authorities.issue_below(name, vendor, now)
            root = self._authorities.issuers[name]
            word, before = self._authorities.word_for(name), [*self._authorities.roots][-2]
            self._register.issued.append(Issued(serial_of(word), "ROOT", before, name, now, end_of(word)))
        self.renew_crls()
        self.anchor = dataclasses.replace(self.anchor, roots=(*self.anchor.roots, pinned(root)))
        replace_file(self._folder / "anchor.cbr", self.anchor.to_bytes(), 0o644)
        return name

    def use_root(self) -> str:
        """Sign under the newest root from now on, and returns its name.

        Machines that have not learnt of it refuse what is signed then.
        """
        newest = [*self._authorities.roots][-1]
        with self._register.changing():
            self._authorities.use(newest)
        return newest

    @property
    def issued(self) -> tuple[Issued, ...]:
        """Every certificate that was issued here, the oldest first."""
        return tuple(self._register.issued)

    @property
    def released(self) -> tuple[Released, ...]:
        """Every release, the oldest first."""
        return tuple(self._register.released)

    def _issue(self, role: Role, enrolment: VerifiedEnrolment) -> tuple[bytes, ...]:
        now, request = self._now(), enrolment.request
        purposes = OWN[role]
        issuer = self._authorities.name_of(purposes[0])
        keys = (
            hashlib.sha256(request.identity).hexdigest(),
            hashlib.sha256(request.encryption.p256).hexdigest(),
        )
        if role is Role.BOX:
            issued = issue_box(self._authorities.issuers[issuer], enrolment, now)
        else:
            issued = issue_device(self._authorities.issuers[issuer], enrolment, now)
        product, hardware = (request.device.product, request.device.hardware) if request.device else ("", "")
        with self._register.changing():
            self._check_unique(purposes[0], enrolment, keys[0])
            for purpose, chain, key in zip(purposes, (issued.identity, issued.encryption), keys, strict=True):
                place = (self._issuances.keep(chain[0]), purpose.name, issuer, request.id, now)
                kind = (request.epoch, product, hardware)
                self._register.issued.append(Issued(*place, end_of(chain[0]), *kind, key=key))
        return (issued.identity[0], issued.encryption[0], *self._authorities.issuing)

    def _check_unique(self, purpose: Purpose, enrolment: VerifiedEnrolment, key: str) -> None:
        request = enrolment.request
        for entry in self._register.issued:
            if (entry.purpose, entry.id) == (purpose.name, request.id) and entry.epoch > request.epoch:
                raise Misuse(f"{request.id} is enrolled already in epoch {entry.epoch}, which is newer")
            same = (entry.purpose, entry.id, entry.epoch) == (purpose.name, request.id, request.epoch)
            if same and entry.revoked is None and entry.key != key:
                raise Misuse(
                    f"{request.id} is enrolled already, in epoch {request.epoch} with another key; revoke "
                    f"certificate {entry.serial} first, or enrol it in a new epoch"
                )

    def _revoke_older(self, role: Role, id: str, epoch: int) -> None:
        """Whoever holds keys of an older enrolment does not pass for this machine any more."""
        purposes = {purpose.name for purpose in OWN[role]}
        with self._register.changing():
            issued = self._register.issued
            older = [
                place
                for place, entry in enumerate(issued)
                if entry.purpose in purposes and entry.id == id and entry.epoch < epoch and not entry.revoked
            ]
            for place in older:
                issued[place] = dataclasses.replace(issued[place], revoked=self._now())
        if older:
            self.renew_crls()

    def _issue_crl(self, name: str, number: int) -> None:
        now = self._now()
        revoked = [
            Revocation(int(entry.serial, 16), entry.revoked)
            for entry in self._register.issued
            if entry.issuer == name and entry.revoked is not None
        ]
        crl = issue_crl(self._authorities.issuers[name], revoked, number, now, now + CRL_LIFETIME)
        replace_file(self._folder / f"{name}.crl", crl, 0o644)

    def _lists(self) -> RevocationLists:
        return RevocationLists(self.anchor, self.crls())

    def _checked(self, order: ReleaseOrder) -> ReleaseOrder:
        if not order.components or not order.boxes:
            raise Misuse("a release needs at least one component and at least one box to carry it")
        boxes = self._eligible(order.boxes)
        names = [component.name for component in order.components]
        if len(set(names)) != len(names):
            raise Misuse("two components of a release have the same name")
        for what, text in (("product", order.product), ("line", order.line), ("version", order.version)):
            check_text(f"the {what}", text)
        hardware = order.hardware or self._register.hardware(order.product)
        if not hardware:
            raise Misuse(
                f"no device of product {order.product!r} is enrolled; name the hardware with --hardware"
            )
        return dataclasses.replace(order, hardware=hardware, boxes=boxes)

    def _eligible(self, boxes: tuple[Bundle, ...]) -> tuple[Bundle, ...]:
        """Boxes that a release may be sealed for, under today's roots."""
        found = tuple(self._own(box) for box in boxes)
        for box in found:
            transport = box.verified(Purpose.BOX_TRANSPORT)
            try:
                judge_dates(transport, self._now())
                self._lists().judge(transport, self._now(), self.anchor.policy)
            except Refusal as refusal:
                detail = f"box {transport.identity.id}: {refusal.detail}"
                raise Refusal(refusal.code, detail, _NO_BOX.get(refusal.code)) from None
        return found

    def _own(self, box: Bundle) -> Bundle:
        """A box's certificates under today's roots. Misuse for those of another vendor."""
        try:
            return box.under(self.anchor)
        except Refusal:
            raise Misuse("a box's file comes from another vendor") from None
