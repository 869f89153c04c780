"""What a directive may change of a machine's trust: its certificates, its roots, its time floor.

Each function takes what the machine has and a `VerifiedDirective`, and returns what it should have. Doing
so twice is the same as once, so that a cut between the change and its entry in the record does no harm.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from cryptography import x509

from appliance.trust.bundle import Bundle
from appliance.trust.chain import VerifiedCertificate, judge_dates, judge_period
from appliance.trust.clock import TrustedTime, moment
from appliance.trust.crl import RevocationLists
from appliance.trust.directive import VerifiedDirective
from appliance.trust.path import issued
from appliance.trust.profile import (
    ca_key_usage,
    key_family,
    key_usage,
    read_certificate,
    spki,
    usage,
)
from appliance.trust.purpose import Purpose
from media_format.objects import Role, TrustAnchor
from media_format.refusal import Code, Refusal

OWN: Final = {
    Role.BOX: (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT),
    Role.DEVICE: (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION),
}
"""The purposes of a machine's two leaves: the key that signs, the key that decrypts."""
MAX_ROOTS: Final = 8
"""Roots that a trust anchor holds."""


def lowered_floor(ordered: VerifiedDirective, floor: int, bundle: Bundle) -> int:
    """The time floor after a directive; never above `floor`.

    Refusal(time-before-floor) for a time at which the machine's own certificate was not issued yet.
    """
    directive = ordered.directive
    assert directive.time_floor is not None
    enrolled = bundle.verified(OWN[directive.role][0]).certificate.not_valid_before_utc
    if directive.time_floor < enrolled.timestamp():
        wanted, since = moment(directive.time_floor), moment(int(enrolled.timestamp()))
        detail = f"a floor of {wanted}, but this machine was enrolled at {since}"
        raise Refusal(Code.TIME_BEFORE_FLOOR, detail)
    return min(floor, directive.time_floor)


def renewed(ordered: VerifiedDirective, bundle: Bundle) -> Bundle:
    """The machine's certificates after a directive: for the same holder and keys, under its own anchor.

    Raises Refusal(chain-invalid) where they do not lead to a root that is pinned here, (purpose-mismatch)
    where they are another machine's or for other keys, (certificate-expired) or (certificate-not-yet-valid)
    where they are out of date or end before those that are there, (revoked) for revoked ones.
    """
    directive = ordered.directive
    assert directive.certificates is not None
    new = Bundle(bundle.anchor, directive.certificates, bundle.crls).under(bundle.anchor)
    for purpose in OWN[directive.role]:
        judge_successor(new.verified(purpose), bundle.verified(purpose), ordered.lists, ordered.now)
    return new


def judge_successor(
    new: VerifiedCertificate, old: VerifiedCertificate, lists: RevocationLists, now: TrustedTime | None
) -> None:
    """Whether a certificate may stand in another one's place; raises as `renewed` does."""
    if (new.profile, new.spki) != (old.profile, old.spki):
        raise Refusal(Code.PURPOSE_MISMATCH, "the certificates are for another holder, or for other keys")
    dates = [
        (one.certificate.not_valid_before_utc, one.certificate.not_valid_after_utc) for one in (old, new)
    ]
    if any(after < before for before, after in zip(*dates, strict=True)):
        raise Refusal(Code.CERTIFICATE_EXPIRED, "the certificates are older than those that are here")
    if now is not None:
        judge_dates(new, now.time)
    lists.judge_chain(new)


def cross_signed(ordered: VerifiedDirective, anchor: TrustAnchor) -> TrustAnchor:
    """The trust anchor with the root that a directive brings.

    The directive signer's word is not enough: a root that is pinned here must have signed the new one's key.
    Raises Refusal(chain-invalid) where none did or what comes is no root, (certificate-expired) or
    (certificate-not-yet-valid) where it vouched for another time, (revoked) where that was taken back,
    (too-large) where as many roots are pinned as can be.
    """
    root, vouching = ordered.directive.root, ordered.directive.cross_certificate
    assert root is not None and vouching is not None
    if root.certificate in {known.certificate for known in anchor.roots}:
        return anchor
    certificate, cross = read_certificate(root.certificate), read_certificate(vouching)
    if not (_is_root(certificate) and issued(certificate, certificate)):
        raise Refusal(Code.CHAIN_INVALID, "what comes as a new root is none")
    if key_family(certificate.public_key()) is not root.family:
        raise Refusal(Code.CHAIN_INVALID, "the new root is of another family than stated")
    pinned = [read_certificate(known.certificate) for known in anchor.roots]
    vouchers = [known for known in pinned if _is_root(cross) and issued(known, cross)]
    if not vouchers or _named(cross) != _named(certificate):
        raise Refusal(Code.CHAIN_INVALID, "no root that is trusted here vouches for the new root")
    if ordered.now is not None:
        judge_period(cross, ordered.now.time)
    ordered.lists.judge_issued(cross, vouchers[0])
    if len(anchor.roots) >= MAX_ROOTS:
        raise Refusal(
            Code.TOO_LARGE, f"{len(anchor.roots)} roots are trusted here, and one more does not fit"
        )
    return dataclasses.replace(anchor, roots=(*anchor.roots, root))


def _is_root(certificate: x509.Certificate) -> bool:
    """Whether a certificate has a root's profile; issuing CAs, which old roots sign too, have a purpose."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    is_ca = constraints.ca and constraints.path_length == 1
    return is_ca and key_usage(certificate) == ca_key_usage() and not usage(certificate)


def _named(certificate: x509.Certificate) -> tuple[x509.Name, bytes]:
    return certificate.subject, spki(certificate.public_key())
