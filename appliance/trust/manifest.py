"""The vendor's signatures over a manifest, counted by family and threshold."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.trust.chain import VerifiedCertificate
from media_format.objects import Manifest, TrustAnchor


@dataclass(frozen=True, slots=True)
class VerifiedManifest:
    """A manifest that enough release signers signed. Made by `verify_manifest` only.

    `digest` is SHA-256 over the signed payload. Dates and revocation of `signers` are judged apart.
    """

    manifest: Manifest
    digest: bytes
    signers: tuple[VerifiedCertificate, ...]


def verify_manifest(data: bytes, anchor: TrustAnchor) -> VerifiedManifest:
    """Verify MANIFEST.CBR without regard to dates.

    Signatures of a family that has no root in the anchor are ignored. Every other one must be right, under a
    root of its own family, by a release signer bound to the manifest's product, line and index.

    Raises Refusal(malformed), (too-large) or (unsupported-format) for what does not follow the format;
    (chain-invalid), (purpose-mismatch) and (signature-invalid) for any signature of a known family;
    (signer-superseded) where a signer is bound to an older release than the manifest claims to be;
    (threshold-not-met) where a family has fewer different signers than the policy demands.
    """
    raise NotImplementedError
