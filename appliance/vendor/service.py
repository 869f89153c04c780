"""The vendor's facade: what the command line may ask of a vendor's directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.trust.bundle import Bundle
from appliance.trust.enrolment import VerifiedEnrolment, read_enrolment
from appliance.trust.issuing import (
    DAY,
    Revocation,
    issue_box,
    issue_crl,
    issue_device,
    issue_release_signer,
    issue_sealer,
)
from appliance.trust.profile import ReleaseBinding, RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.vendor.authority import ROOT, Authorities, check_passphrase
from appliance.vendor.register import Issued, Register, Released
from appliance.vendor.release import Built, ReleaseOrder, Signing, write_release
from media_format import limits
from media_format.crl_files import write_crls
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import CrlNumber, Family, Mode, Policy, Role, Root, SignatureRule, TrustAnchor
from media_format.progress import Report
from media_format.volume.seam import Volume

CRL_LIFETIME: Final = 365 * DAY
RELEASE_LIFETIME: Final = 2 * 365 * DAY
"""How long a release may be imported into a box, in seconds."""

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

    def __init__(self, folder: Path, authorities: Authorities, now: Callable[[], int]) -> None:
        self._folder = folder
        self._authorities = authorities
        self._now = now
        self._register = Register.load(folder / "register.json")
        self.anchor = TrustAnchor.from_bytes((folder / "anchor.cbr").read_bytes())

    @classmethod
    def create(
        cls, folder: Path, name: str, passphrase: str, now: Callable[[], int], policy: Policy = DEFAULT_POLICY
    ) -> Vendor:
        """A new vendor. Misuse if the directory holds one already."""
        check_passphrase(passphrase)
        if (folder / "anchor.cbr").exists():
            raise Misuse(f"{folder}: there is a vendor already")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authorities = Authorities.create(folder / "authority", name, passphrase, now())
        root = authorities.issuers[ROOT].certificate.public_bytes(serialization.Encoding.DER)
        anchor = TrustAnchor(
            format=limits.FORMAT_VERSION,
            vendor=name,
            roots=(Root(family=Family.ECDSA, certificate=root),),
            policy=policy,
        )
        Register(folder / "register.json").save()
        replace_file(folder / "anchor.cbr", anchor.to_bytes(), 0o644)
        vendor = cls(folder, authorities, now)
        vendor.renew_crls()
        return vendor

    @classmethod
    def open(cls, folder: Path, passphrase: str, now: Callable[[], int]) -> Vendor:
        """The vendor in `folder`. Refusal(pin-wrong) for a wrong passphrase."""
        if not (folder / "anchor.cbr").exists():
            raise MachineFault(
                f"{folder}: there is no vendor here; run: updatebox vendor init {folder} --name NAME"
            )
        return cls(folder, Authorities.load(folder / "authority", passphrase), now)

    def enrol(self, role: Role, request: bytes) -> Enrolment:
        """Answer an enrolment request with certificates. Misuse if it is of the other role."""
        enrolment = read_enrolment(request)
        if enrolment.request.role is not role:
            raise Misuse(f"this is the enrolment request of a {enrolment.request.role}, not of a {role}")
        certificates = self._issue(role, enrolment)
        bundle = Bundle(self.anchor, certificates, self.crls())
        request_ = enrolment.request
        return Enrolment(str(role), request_.id, request_.epoch, enrolment.digest.hex(), bundle)

    def release(self, volume: Volume, order: ReleaseOrder, report: Report) -> Built:
        """Sign a release with a fresh signer, seal it for the order's boxes, and write it to `volume`."""
        order = self._checked(order)
        index = self._register.next_index(order.product, order.line)
        self._register.save()
        signing = self._signing(order, index)
        built = write_release(volume, order, signing, self._folder, report)
        write_crls(volume, self.crls())
        self._register.released.append(
            Released(
                order.product, order.line, order.version, index, built.manifest_digest.hex(), signing.created
            )
        )
        self._register.save()
        return built

    def revoke(self, serial: int) -> Issued:
        """Revoke a certificate issued here, and renew the revocation lists. Misuse if it is unknown."""
        wanted = f"{serial:x}"
        for place, entry in enumerate(self._register.issued):
            if entry.serial == wanted:
                revoked = dataclasses.replace(entry, revoked=entry.revoked or self._now())
                self._register.issued[place] = revoked
                self._register.save()
                self.renew_crls()
                return revoked
        raise Misuse(f"no certificate with the serial number {wanted} was issued here")

    def crls(self) -> tuple[bytes, ...]:
        """The current revocation lists, in DER."""
        return tuple((self._folder / f"{name}.crl").read_bytes() for name in self._authorities.issuers)

    def renew_crls(self) -> None:
        """Issue every revocation list anew, each with the next number."""
        now = self._now()
        for name, issuer in self._authorities.issuers.items():
            number = self._register.crl_numbers.get(name, 0) + 1
            self._register.crl_numbers[name] = number
            self._register.save()
            revoked = [
                Revocation(int(entry.serial, 16), entry.revoked)
                for entry in self._register.issued
                if entry.issuer == name and entry.revoked is not None
            ]
            replace_file(
                self._folder / f"{name}.crl",
                issue_crl(issuer, revoked, number, now, now + CRL_LIFETIME),
                0o644,
            )

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
        if role is Role.BOX:
            issued = issue_box(self._authorities.issuer(Purpose.BOX_IDENTITY), enrolment, now)
            purposes, issuer = (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT), "box-ca"
        else:
            issued = issue_device(self._authorities.issuer(Purpose.DEVICE_IDENTITY), enrolment, now)
            purposes, issuer = (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION), "device-ca"
        kind = request.device
        for purpose, chain in zip(purposes, (issued.identity, issued.encryption), strict=True):
            serial = f"{x509.load_der_x509_certificate(chain[0]).serial_number:x}"
            product, hardware = (kind.product, kind.hardware) if kind else ("", "")
            self._register.issued.append(
                Issued(serial, purpose.name, issuer, request.id, now, request.epoch, product, hardware)
            )
        self._register.save()
        return tuple(dict.fromkeys((*issued.identity, *issued.encryption)))

    def _checked(self, order: ReleaseOrder) -> ReleaseOrder:
        if not order.components or not order.boxes:
            raise Misuse("a release needs at least one component and at least one box to carry it")
        for box in order.boxes:
            if box.anchor != self.anchor:
                raise Misuse("a box's file comes from another vendor")
            box.verified(Purpose.BOX_TRANSPORT)
        hardware = order.hardware or self._register.hardware(order.product)
        if not hardware:
            raise Misuse(
                f"no device of product {order.product!r} is enrolled; name the hardware with --hardware"
            )
        return dataclasses.replace(order, hardware=hardware)

    def _signing(self, order: ReleaseOrder, index: int) -> Signing:
        """A signer for this release alone: its key is used once and forgotten."""
        now = self._now()
        ca = self._authorities.issuer(Purpose.RELEASE_SIGNER)
        name = f"{order.product} {order.line} {index}"[:64]
        key, sealing_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        binding = ReleaseBinding(order.product, order.line, index)
        chain = issue_release_signer(ca, key.public_key(), RoleIdentity(name, 0), binding, now)
        sealer_chain = issue_sealer(ca, sealing_key.public_key(), RoleIdentity(name, 0), now)
        for purpose, issued in ((Purpose.RELEASE_SIGNER, chain), (Purpose.RELEASE_SEALER, sealer_chain)):
            serial = f"{x509.load_der_x509_certificate(issued[0]).serial_number:x}"
            self._register.issued.append(
                Issued(serial, purpose.name, "release-ca", name, now, 0, order.product)
            )
        self._register.save()
        return Signing(
            signers=(KeySigner(key, chain),),
            sealer=KeySigner(sealing_key, sealer_chain),
            index=index,
            crl_numbers=self._crl_numbers(),
            created=now,
            expires=now + RELEASE_LIFETIME,
        )

    def _crl_numbers(self) -> tuple[CrlNumber, ...]:
        numbers = [
            CrlNumber(issuer=issuer.id, number=self._register.crl_numbers[name])
            for name, issuer in self._authorities.issuers.items()
        ]
        return tuple(sorted(numbers, key=lambda entry: entry.issuer))
