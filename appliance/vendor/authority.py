"""The authorities: root and issuing CAs as files, their keys encrypted with the vendor's passphrase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

from appliance.trust.issuing import (
    Issuer,
    create_issuing_ca,
    create_root,
    generate_issuer_key,
)
from appliance.trust.purpose import Purpose
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import Family
from media_format.objects.manifest import SHORT
from media_format.refusal import Code, Refusal

ROOT: Final = "root"
_ISSUING: Final = {
    "release-ca": Purpose.RELEASE_CA,
    "box-ca": Purpose.BOX_CA,
    "device-ca": Purpose.DEVICE_CA,
}


@dataclass(frozen=True, slots=True)
class Authorities:
    """The vendor's CAs, with their private keys in memory."""

    issuers: dict[str, Issuer]

    @classmethod
    def create(cls, folder: Path, vendor: str, passphrase: str, now: int) -> Authorities:
        """New authorities below `folder`: a P-384 root and three issuing CAs."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = create_root(vendor, generate_issuer_key(Family.ECDSA), now)
        issuers = {ROOT: root}
        for name, purpose in _ISSUING.items():
            issuers[name] = create_issuing_ca(root, vendor, purpose, generate_issuer_key(Family.ECDSA), now)
        for name, issuer in issuers.items():
            _save(folder, name, issuer, passphrase)
        return cls(issuers)

    @classmethod
    def load(cls, folder: Path, passphrase: str) -> Authorities:
        """Open the authorities. Refusal(pin-wrong) for a wrong passphrase, MachineFault for missing files."""
        root = _load(folder, ROOT, passphrase, ())
        issuers = {ROOT: root}
        for name in _ISSUING:
            issuers[name] = _load(folder, name, passphrase, None)
        return cls(issuers)

    def issuer(self, purpose: Purpose) -> Issuer:
        """The CA that issues certificates for a purpose."""
        names = [name for name, own in _ISSUING.items() if own is purpose.issuer]
        if not names:
            raise Misuse(f"no issuing authority has the purpose {purpose.name}")
        return self.issuers[names[0]]


def check_passphrase(passphrase: str) -> None:
    """Misuse for passphrases that protect nothing."""
    if len(passphrase) < 8:
        raise Misuse("the passphrase must have at least 8 characters")


def check_text(what: str, text: str) -> None:
    """Misuse for a name that neither a certificate nor a manifest takes: 1 to 64 bytes on one line."""
    try:
        SHORT.decode(text, what)
    except Refusal as refusal:
        raise Misuse(refusal.detail) from None


def _save(folder: Path, name: str, issuer: Issuer, passphrase: str) -> None:
    key = issuer.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    replace_file(folder / f"{name}.key", key)
    replace_file(folder / f"{name}.pem", issuer.certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _load(folder: Path, name: str, passphrase: str, chain: tuple[bytes, ...] | None) -> Issuer:
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
        sealed = (folder / f"{name}.key").read_bytes()
    except (OSError, ValueError) as error:
        raise MachineFault(f"{folder / name}: the authority cannot be read ({error})") from None
    try:
        key = serialization.load_pem_private_key(sealed, passphrase.encode())
    except (ValueError, TypeError):
        raise Refusal(Code.PIN_WRONG, "the vendor's passphrase does not open its keys") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey):
        raise MachineFault(f"{folder / name}.key: not a key an authority uses")
    if chain is None:
        chain = (certificate.public_bytes(serialization.Encoding.DER),)
    return Issuer(certificate, key, chain)
