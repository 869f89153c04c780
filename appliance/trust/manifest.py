"""The vendor's signatures over a manifest, counted by family and threshold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from appliance.trust.chain import VerifiedCertificate, verify_chain
from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.cose import Algorithm
from media_format.objects import Family, Manifest, TrustAnchor
from media_format.refusal import Code, Refusal
from media_format.wire import malformed

_FAMILIES: Final = {
    Algorithm.ES256: Family.ECDSA,
    Algorithm.ES384: Family.ECDSA,
    Algorithm.EDDSA: Family.ECDSA,
    Algorithm.ML_DSA_65: Family.ML_DSA,
}


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
    signed = cose.read_sign(data, Manifest.CONTENT_TYPE, Manifest.LIMIT)
    manifest = Manifest.from_bytes(signed.payload)
    pinned = {root.family for root in anchor.roots}
    signers = [
        _verify_signer(signature, anchor)
        for signature in signed.signatures
        if _FAMILIES[signature.algorithm] in pinned
    ]
    for signer in signers:
        _check_binding(signer, manifest)
    for rule in anchor.policy.signatures:
        keys = {signer.spki for signer in signers if signer.family is rule.family}
        if len(keys) < rule.count:
            detail = f"{len(keys)} signers of family {rule.family.name}, {rule.count} are required"
            raise Refusal(Code.THRESHOLD_NOT_MET, detail)
    return VerifiedManifest(manifest, hashlib.sha256(signed.payload).digest(), tuple(signers))


def _verify_signer(signature: cose.Signature, anchor: TrustAnchor) -> VerifiedCertificate:
    if signature.bag:
        raise malformed(Manifest.NAME, "carries certificates besides the chains")
    signer = verify_chain(signature.chain, anchor, Purpose.RELEASE_SIGNER)
    if signer.family is not _FAMILIES[signature.algorithm]:
        raise Refusal(Code.CHAIN_INVALID, "a signature under a root of another family of algorithms")
    signature.verify(signer.key)
    return signer


def _check_binding(signer: VerifiedCertificate, manifest: Manifest) -> None:
    bound = signer.release
    if bound is None or (bound.product, bound.line) != (manifest.product, manifest.line):
        raise Refusal(Code.PURPOSE_MISMATCH, "the signer may sign for another product or line only")
    if bound.index < manifest.index:
        raise Refusal(
            Code.SIGNER_SUPERSEDED,
            f"the signer of release {bound.index} cannot sign release {manifest.index}",
        )
    if bound.index > manifest.index:
        raise Refusal(
            Code.PURPOSE_MISMATCH,
            f"the signer of release {bound.index} may not sign release {manifest.index}",
        )
