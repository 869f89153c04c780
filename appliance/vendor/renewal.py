"""Renewal at the vendor: the same holder and keys with later dates, from what was issued before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance.trust.chain import VerifiedCertificate, verify_chain
from appliance.trust.issuing import BOX_LIFETIME, NEVER, reissue
from appliance.trust.profile import read_certificate
from appliance.trust.purpose import Purpose
from appliance.trust.renewal import OWN
from appliance.vendor.addressee import Addressee
from appliance.vendor.authority import Authorities
from appliance.vendor.register import Register
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import Role, TrustAnchor

_FOLDER: Final = "certificates"


class Issuances:
    """The certificates of boxes and devices as they were issued, a file for each serial number.

    They hold the keys that a renewal certifies again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER

    def keep(self, leaf: bytes) -> str:
        """Keep a certificate (DER); returns its serial number as the register writes it."""
        serial = serial_of(leaf)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        replace_file(self._folder / f"{serial}.der", leaf, 0o644)
        return serial

    def read(self, serial: str) -> bytes:
        """The certificate with this serial number. MachineFault where it is not there."""
        path = self._folder / f"{serial}.der"
        try:
            return path.read_bytes()
        except OSError as error:
            raise MachineFault(f"{path} cannot be read: {error.strerror}") from None


def renewed_leaves(
    whom: Addressee,
    authorities: Authorities,
    register: Register,
    issuances: Issuances,
    anchor: TrustAnchor,
    now: int,
) -> tuple[bytes, ...]:
    """A machine's two leaves (DER), issued again now; to be called within `register.changing()`."""
    epoch = whom.enrolled(register).epoch
    leaves = []
    for purpose in OWN[whom.role]:
        entry = register.holding(purpose.name, whom.id, epoch)
        if entry is None:
            raise Misuse(f"{whom.id}'s certificate as {purpose.words} was revoked; enrol it again")
        held = _held(issuances.read(entry.serial), purpose, authorities, anchor)
        ends = now + BOX_LIFETIME if whom.role is Role.BOX else NEVER
        leaf = reissue(authorities.issuer(purpose), held, now, ends)[0]
        serial = issuances.keep(leaf)
        register.issued.append(replace(entry, serial=serial, issued=now, expires=end_of(leaf)))
        leaves.append(leaf)
    return tuple(leaves)


def _held(
    leaf: bytes, purpose: Purpose, authorities: Authorities, anchor: TrustAnchor
) -> VerifiedCertificate:
    return verify_chain((leaf, *authorities.issuer(purpose).chain), anchor, purpose)


def serial_of(certificate: bytes) -> str:
    """A certificate's serial number as the register writes it."""
    return f"{read_certificate(certificate).serial_number:x}"


def end_of(certificate: bytes) -> int | None:
    """When a certificate expires, as the register writes it; None for one that never does."""
    ends = int(read_certificate(certificate).not_valid_after_utc.timestamp())
    return None if ends >= NEVER else ends
