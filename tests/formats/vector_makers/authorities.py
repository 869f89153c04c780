"""The vendor, boxes and devices of the package vectors, with their certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.enrolment import make_enrolment, read_enrolment
from appliance.trust.issuing import (
    Enrolled,
    Issuer,
    Revocation,
    create_issuing_ca,
    create_root,
    issue_box,
    issue_crl,
    issue_device,
    issue_release_signer,
    issue_sealer,
)
from appliance.trust.profile import ReleaseBinding, RoleIdentity, read_certificate
from appliance.trust.purpose import ISSUING, Purpose
from appliance.trust.signer import KeySigner, PrivateKey
from media_format.objects import DeviceKind, EncryptionKey, EnrolmentRequest, Family, Role, Root
from media_format.payload.recipients import RecipientKey
from tests.formats.vector_makers import keys

NOW: Final = 1_800_000_000
DAY: Final = 86400
YEAR: Final = 365 * DAY
BIRTH: Final = NOW - YEAR
KIND: Final = DeviceKind(product="pump", line="stable", hardware="rev-b")


@dataclass(frozen=True)
class Holder:
    """A box or device with its certificates."""

    name: str
    key: RecipientKey
    signer: KeySigner
    issued: Enrolled


class Vendor:
    """One root of one family and the CAs below it."""

    def __init__(self, name: str, family: Family = Family.ECDSA) -> None:
        key = keys.ml_dsa if family is Family.ML_DSA else keys.p384
        self._root = create_root(name, key(f"{name} root"), BIRTH)
        self._issuers: dict[Purpose, Issuer] = {
            purpose: create_issuing_ca(self._root, name, purpose, key(f"{name} {purpose.words}"), BIRTH)
            for purpose in ISSUING
        }
        self.root = Root(family=family, certificate=self._root.certificate.public_bytes(Encoding.DER))
        self._name = name
        self._family = family

    def release_signer(self, index: int = 5, line: str = "stable", at: int = NOW - 10 * DAY) -> KeySigner:
        """The signer of one release of the pump."""
        key: PrivateKey = keys.ml_dsa("signer") if self._family is Family.ML_DSA else keys.p256("signer")
        binding = ReleaseBinding("pump", line, index)
        identity = RoleIdentity(f"pump {line} {index}", 0)
        ca = self._issuers[Purpose.RELEASE_CA]
        return KeySigner(key, issue_release_signer(ca, key.public_key(), identity, binding, at, 30 * DAY))

    def release_sealer(self) -> KeySigner:
        """Who signs the envelopes of releases."""
        key, ca = keys.p256("sealer"), self._issuers[Purpose.RELEASE_CA]
        return KeySigner(key, issue_sealer(ca, key.public_key(), RoleIdentity("sealer", 0), BIRTH, 2 * YEAR))

    def box(self, name: str) -> Holder:
        return self._enrolled(Role.BOX, name, nested=False)

    def device(self, name: str, *, nested: bool = False) -> Holder:
        return self._enrolled(Role.DEVICE, name, nested=nested)

    def _enrolled(self, role: Role, name: str, *, nested: bool) -> Holder:
        identity, key = keys.p256(f"{name} identity"), keys.recipient_key(name, x=nested)
        assert key.p256 is not None
        request = EnrolmentRequest(
            format=1,
            role=role,
            id=name,
            epoch=1,
            device=KIND if role is Role.DEVICE else None,
            identity=keys.spki(identity),
            encryption=EncryptionKey(p256=key.p256, xwing=key.xwing),
        )
        enrolment = read_enrolment(make_enrolment(request, KeySigner(identity)))
        if role is Role.BOX:
            issued = issue_box(self._issuers[Purpose.BOX_CA], enrolment, BIRTH, 2 * YEAR)
        else:
            issued = issue_device(self._issuers[Purpose.DEVICE_CA], enrolment, BIRTH)
        return Holder(name, key, KeySigner(identity, issued.identity), issued)

    def crl(self, purpose: Purpose, number: int, *revoked: bytes, at: int = NOW - DAY) -> bytes:
        """A list of one CA that names the certificates `revoked`."""
        entries = [Revocation(read_certificate(der).serial_number, at) for der in revoked]
        return issue_crl(self._issuers[purpose], entries, number, at, at + YEAR)

    def issuer_id(self, purpose: Purpose) -> bytes:
        """How CRL numbers name the CA."""
        return self._issuers[purpose].id
