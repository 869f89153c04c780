"""The authorities: roots and issuing CAs as files, their keys encrypted with the vendor's passphrase.

A CA has one key and one name for ever, and one certificate below each root, or a renewed one. They stand
in one file; the first is the one in use.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

from appliance.trust.issuing import (
    Issuer,
    create_issuing_ca,
    create_root,
    cross_certify,
    generate_issuer_key,
)
from appliance.trust.path import issued
from appliance.trust.purpose import Purpose
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import Family
from media_format.objects.manifest import SHORT
from media_format.refusal import Code, Refusal

ROOT: Final = "root"
"""The first root; those after it are `root-2`, `root-3` and so on."""
ISSUING_CAS: Final = {
    "release-ca": Purpose.RELEASE_CA,
    "box-ca": Purpose.BOX_CA,
    "device-ca": Purpose.DEVICE_CA,
}


@dataclass(slots=True)
class Authorities:
    """The vendor's CAs, with their private keys in memory. `folder` holds their files.

    `spare` are the certificates of each CA that are not in use: for a root what the root before it says of
    it, for an issuing CA those below other roots.
    """

    folder: Path
    issuers: dict[str, Issuer]
    spare: dict[str, tuple[x509.Certificate, ...]] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, vendor: str, passphrase: str, now: int) -> Authorities:
        """New authorities below `folder`: a P-384 root and three issuing CAs."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = create_root(vendor, generate_issuer_key(Family.ECDSA), now)
        issuers = {ROOT: root}
        for name, purpose in ISSUING_CAS.items():
            issuers[name] = create_issuing_ca(root, vendor, purpose, generate_issuer_key(Family.ECDSA), now)
        made = cls(folder, issuers)
        for name, issuer in issuers.items():
            _save_key(folder, name, issuer, passphrase)
            made.save(name)
        return made

    @classmethod
    def load(cls, folder: Path, passphrase: str) -> Authorities:
        """Open the authorities. Refusal(pin-wrong) for a wrong passphrase, MachineFault for missing files."""
        issuers, spare = {}, {}
        for name in (*_root_names(folder), *ISSUING_CAS):
            issuers[name], spare[name] = _load(folder, name, passphrase)
        return cls(folder, issuers, spare)

    def issuer(self, purpose: Purpose) -> Issuer:
        """The CA that issues certificates for a purpose."""
        return self.issuers[self.name_of(purpose)]

    def name_of(self, purpose: Purpose) -> str:
        """The name of the CA that issues certificates for a purpose."""
        names = [name for name, own in ISSUING_CAS.items() if own is purpose.issuer]
        if not names:
            raise Misuse(f"no issuing authority has the purpose {purpose.name}")
        return names[0]

    @property
    def roots(self) -> dict[str, Issuer]:
        """The roots, the oldest first."""
        return {name: issuer for name, issuer in self.issuers.items() if name not in ISSUING_CAS}

    @property
    def issuing(self) -> tuple[bytes, ...]:
        """Every certificate (DER) of the issuing CAs, those in use first.

        Who holds them takes over every revocation list it meets.
        """
        used = [self.issuers[name].certificate for name in ISSUING_CAS]
        spare = [certificate for name in ISSUING_CAS for certificate in self.spare.get(name, ())]
        return tuple(map(_der, (*used, *spare)))

    def word_for(self, root: str) -> bytes:
        """What the root before it says of a root: the cross-certificate (DER). Misuse for the first root."""
        if not self.spare.get(root):
            raise Misuse(f"no other root vouches for {root}")
        return _der(self.spare[root][0])

    def add_root(self, vendor: str, passphrase: str, now: int) -> str:
        """Make another root that the newest one vouches for; returns its name. The issuing CAs stay."""
        number, newest = len(self.roots) + 1, [*self.roots.values()][-1]
        root, name = create_root(vendor, generate_issuer_key(Family.ECDSA), now, number), f"{ROOT}-{number}"
        self.issuers[name] = root
        self.spare[name] = (x509.load_der_x509_certificate(cross_certify(newest, root, now)),)
        self.save(name)
        # The key comes last: a root without one does not exist, and is made anew.
        _save_key(self.folder, name, root, passphrase)
        return name

    def issue_below(self, root: str, vendor: str, now: int) -> None:
        """Give every issuing CA a certificate below `root`, as far as it has none."""
        above = self.issuers[root]
        for name, purpose in ISSUING_CAS.items():
            held = (self.issuers[name].certificate, *self.spare.get(name, ()))
            if not any(issued(above.certificate, certificate) for certificate in held):
                made = create_issuing_ca(above, vendor, purpose, self.issuers[name].key, now)
                self.spare[name] = (*self.spare.get(name, ()), made.certificate)
                self.save(name)

    def use(self, root: str) -> None:
        """Issue below `root` from now on."""
        for name in ISSUING_CAS:
            held = (self.issuers[name].certificate, *self.spare.get(name, ()))
            ours = [
                certificate for certificate in held if issued(self.issuers[root].certificate, certificate)
            ]
            if not ours:
                raise Misuse(f"{name} has no certificate below {root}")
            self._put_first(name, ours[0], held)

    def renew(self, name: str, vendor: str, now: int) -> x509.Certificate:
        """A new certificate for an issuing CA, for its key and below its root, in the old one's place."""
        if name not in ISSUING_CAS:
            raise Misuse(f"{name} is no issuing authority; they are {', '.join(ISSUING_CAS)}")
        old = self.issuers[name]
        root = next(root for root in self.roots.values() if issued(root.certificate, old.certificate))
        made = create_issuing_ca(root, vendor, ISSUING_CAS[name], old.key, now).certificate
        self._put_first(name, made, self.spare.get(name, ()))
        return made

    def save(self, name: str) -> None:
        """Write a CA's certificates, the one in use first."""
        certificates = (self.issuers[name].certificate, *self.spare.get(name, ()))
        pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)
        replace_file(self.folder / f"{name}.pem", pem, 0o644)

    def _put_first(self, name: str, first: x509.Certificate, held: tuple[x509.Certificate, ...]) -> None:
        self.issuers[name] = replace(self.issuers[name], certificate=first, chain=(_der(first),))
        self.spare[name] = tuple(certificate for certificate in held if certificate != first)
        self.save(name)


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


def _save_key(folder: Path, name: str, issuer: Issuer, passphrase: str) -> None:
    key = issuer.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    replace_file(folder / f"{name}.key", key)


def _root_names(folder: Path) -> tuple[str, ...]:
    """The roots that there are keys for, the oldest first."""
    names = [ROOT]
    while (folder / f"{ROOT}-{len(names) + 1}.key").exists():
        names.append(f"{ROOT}-{len(names) + 1}")
    return tuple(names)


def _load(folder: Path, name: str, passphrase: str) -> tuple[Issuer, tuple[x509.Certificate, ...]]:
    try:
        used, *spare = x509.load_pem_x509_certificates((folder / f"{name}.pem").read_bytes())
        sealed = (folder / f"{name}.key").read_bytes()
    except (OSError, ValueError) as error:
        raise MachineFault(f"{folder / name}: the authority cannot be read ({error})") from None
    try:
        key = serialization.load_pem_private_key(sealed, passphrase.encode())
    except (ValueError, TypeError):
        raise Refusal(
            Code.PIN_WRONG,
            "the vendor's passphrase does not open its keys",
            "The passphrase is wrong; try again with the one that was chosen at `updatebox vendor init`.",
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey):
        raise MachineFault(f"{folder / name}.key: not a key an authority uses")
    chain = (_der(used),) if name in ISSUING_CAS else ()
    return Issuer(used, key, chain), tuple(spare)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
