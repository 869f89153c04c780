"""A box's admission of a release from the vendor."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.trust.chain import ExpiryWarning, VerifiedCertificate, expiry_warnings
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.envelope import judge_revocation, judge_validity, judge_vendor_dates, verify_envelope
from appliance.trust.manifest import VerifiedManifest, verify_manifest
from appliance.trust.pages import VerifiedPage, verify_page
from appliance.trust.verifier import PackageBytes
from media_format.objects import Cipher, Envelope, EnvelopeKind, Manifest, Recipient, TrustAnchor
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release that this box may keep. Made by `admit_release` only. Fields as in `InstallPlan`."""

    release: VerifiedManifest
    envelope: Envelope
    sealer: VerifiedCertificate
    recipient: Recipient
    lists: RevocationLists
    warnings: tuple[ExpiryWarning, ...]

    @property
    def manifest(self) -> Manifest:
        """The vendor's description of the release."""
        return self.release.manifest

    @property
    def manifest_digest(self) -> bytes:
        """SHA-256 over the manifest's signed payload."""
        return self.release.digest

    def page(self, number: int, data: bytes) -> VerifiedPage:
        """Verify page `number` of the chunk table; see `appliance.trust.pages.verify_page`."""
        return verify_page(self.manifest, number, data)


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
    warnings = expiry_warnings(sealed.sealer, now.time)
    return VerifiedRelease(release, envelope, sealed.sealer, recipient, known, warnings)


def _find_recipient(envelope: Envelope, transport: RecipientKey) -> Recipient:
    if envelope.cipher is Cipher.NONE:
        raise Refusal(Code.UNSUPPORTED_FORMAT, "releases for boxes are always encrypted")
    for recipient in envelope.recipients:
        kems = tuple(wrap.kem for wrap in recipient.wraps)
        if recipient.key_id == transport.key_id and kems == transport.kems:
            return recipient
    raise Refusal(Code.NOT_FOR_THIS_DEVICE, "the release was not sealed for this box")
