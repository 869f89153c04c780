"""A box's admission of a release from the vendor."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.trust.chain import ExpiryWarning, VerifiedCertificate
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.manifest import VerifiedManifest
from appliance.trust.pages import VerifiedPage
from appliance.trust.verifier import PackageBytes
from media_format.objects import Envelope, Manifest, Recipient, TrustAnchor
from media_format.payload.recipients import RecipientKey


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
        raise NotImplementedError


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
    raise NotImplementedError
