"""A box's admission of a release from the vendor."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.trust.chain import expiry_warnings
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.envelope import judge_revocation, judge_validity, judge_vendor_dates, verify_envelope
from appliance.trust.manifest import verify_manifest
from appliance.trust.verified_package import VerifiedPackage
from appliance.trust.verifier import PackageBytes
from media_format.objects import Cipher, Envelope, EnvelopeKind, Recipient, TrustAnchor
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRelease(VerifiedPackage):
    """A release that this box may keep. Made by `admit_release` only."""

    recipient: Recipient


def admit_release(
    package: PackageBytes,
    anchor: TrustAnchor,
    lists: RevocationLists,
    now: TrustedTime,
    transport: RecipientKey,
) -> VerifiedRelease:
    """Judge a release at a box whose transport key is `transport`.

    Refusals as for `appliance.trust.verifier.admit_package`, as far as they concern a box.
    """
    release = verify_manifest(package.manifest, anchor)
    sealed = verify_envelope(package.envelope, release, anchor, EnvelopeKind.RELEASE)
    envelope = sealed.envelope
    recipient = _find_recipient(envelope, transport)
    known = lists.take(
        package.crls, (issuer for one in (*release.signers, sealed.sealer) for issuer in one.issuers)
    )
    judge_vendor_dates((release.manifest.created, *known.dates), now)
    judge_validity(release, sealed, now)
    judge_revocation(release, sealed, known, now.time, anchor.policy)
    if envelope.present is not None:
        raise Refusal(Code.UNSUPPORTED_FORMAT, "a release for boxes must hold all its chunks")
    return VerifiedRelease(
        release=release,
        envelope=envelope,
        sealer=sealed.sealer,
        recipient=recipient,
        lists=known,
        warnings=expiry_warnings(sealed.sealer, now.time),
    )


def _find_recipient(envelope: Envelope, transport: RecipientKey) -> Recipient:
    if envelope.cipher is Cipher.NONE:
        raise Refusal(Code.UNSUPPORTED_FORMAT, "releases for boxes are always encrypted")
    for recipient in envelope.recipients:
        kems = tuple(wrap.kem for wrap in recipient.wraps)
        if recipient.key_id == transport.key_id and kems == transport.kems:
            return recipient
    raise Refusal(
        Code.NOT_FOR_THIS_DEVICE,
        "the release was not sealed for this box",
        "Take it to a box that it is for, or ask the vendor to seal it for this one (updatebox vendor seal).",
    )
