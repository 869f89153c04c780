"""A package that was verified, for a box or for a device."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.trust.chain import ExpiryWarning, VerifiedCertificate
from appliance.trust.crl import RevocationLists
from appliance.trust.manifest import VerifiedManifest
from appliance.trust.pages import VerifiedPage, verify_page
from media_format.objects import Envelope, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPackage:
    """What every verified package has. `lists` are to be kept: those known before, and newer ones."""

    release: VerifiedManifest
    envelope: Envelope
    sealer: VerifiedCertificate
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
