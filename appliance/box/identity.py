"""The box's own keys and certificates: who it is, and what it signs and opens with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.tpm import Authorisation, KeyKind, Tpm
from appliance.trust.bundle import Bundle
from appliance.trust.chain import VerifiedCertificate
from appliance.trust.enrolment import make_enrolment
from appliance.trust.purpose import Purpose
from appliance.trust.signer import TpmSigner
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import EncryptionKey, EnrolmentRequest, Kem, Role
from media_format.objects.manifest import SHORT
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Refusal

IDENTITY: Final = "identity"
TRANSPORT: Final = {Kem.P256: "transport", Kem.XWING: "transport-pq"}
BUNDLE: Final = "certificates.pem"
"""The file with the box's certificates and trust anchor; `appliance.box.renewal` writes it."""


def check_id(box_id: str) -> None:
    """Misuse for a name that no certificate takes."""
    try:
        SHORT.decode(box_id, "the box's id")
    except Refusal as refusal:
        raise Misuse(refusal.detail) from None


def create_keys(tpm: Tpm, auth: Authorisation) -> None:
    """Make the identity key and the transport key, with a post-quantum half where the TPM can hold one."""
    tpm.create(IDENTITY, KeyKind.SIGN_P256, auth)
    tpm.create(TRANSPORT[Kem.P256], KeyKind.DECRYPT_P256, auth)
    if KeyKind.DECRYPT_XWING in tpm.status().kinds:
        tpm.create(TRANSPORT[Kem.XWING], KeyKind.DECRYPT_XWING, auth)


def transport_key(tpm: Tpm) -> RecipientKey:
    """The public halves of the transport key."""
    has_pq = KeyKind.DECRYPT_XWING in tpm.status().kinds
    return RecipientKey(tpm.public(TRANSPORT[Kem.P256]), tpm.public(TRANSPORT[Kem.XWING]) if has_pq else None)


def enrolment(tpm: Tpm, box_id: str, auth: Authorisation) -> bytes:
    """The signed enrolment request."""
    key = transport_key(tpm)
    assert key.p256 is not None
    request = EnrolmentRequest(
        format=limits.FORMAT_VERSION,
        role=Role.BOX,
        id=box_id,
        epoch=0,
        identity=tpm.public(IDENTITY),
        encryption=EncryptionKey(p256=key.p256, xwing=key.xwing),
    )
    return make_enrolment(request, TpmSigner(lambda message: tpm.sign(IDENTITY, message, auth)))


@dataclass(frozen=True, slots=True)
class Identity:
    """The box's certificates, held against its own keys."""

    bundle: Bundle
    signing: VerifiedCertificate
    transport: VerifiedCertificate

    def signer(self, tpm: Tpm, auth: Authorisation) -> TpmSigner:
        """What signs as this box."""
        chain = self.bundle.chain(Purpose.BOX_IDENTITY)
        return TpmSigner(lambda message: tpm.sign(IDENTITY, message, auth), chain)


def load(folder: Path, tpm: Tpm, box_id: str) -> Identity:
    """The installed certificates. Misuse if there are none yet."""
    path = folder / BUNDLE
    if not path.exists():
        raise Misuse(f"this box has no certificates yet; run: updatebox box certs {folder} --install FILE")
    return held_by(Bundle.from_pem(path.read_bytes()), tpm, box_id)


def held_by(bundle: Bundle, tpm: Tpm, box_id: str) -> Identity:
    """Certificates, held against the box's name and keys. Misuse for another box's."""
    signing, transport = bundle.verified(Purpose.BOX_IDENTITY), bundle.verified(Purpose.BOX_TRANSPORT)
    if signing.identity.id != box_id or signing.spki != tpm.public(IDENTITY):
        raise Misuse(f"these certificates are for {signing.identity.id!r} with other keys, not for this box")
    if transport.encryption != transport_key(tpm):
        raise Misuse("the transport certificate is for another key than this box's")
    return Identity(bundle, signing, transport)
