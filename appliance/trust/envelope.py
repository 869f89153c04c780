"""The signature over an envelope, and what box and device judge about a package in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from appliance.trust.chain import VerifiedCertificate, judge_dates, verify_chain
from appliance.trust.clock import SKEW, TrustedTime, moment
from appliance.trust.crl import RevocationLists
from appliance.trust.manifest import VerifiedManifest
from appliance.trust.purpose import Purpose
from media_format import cose, limits
from media_format.objects import Cipher, CrlNumber, Envelope, EnvelopeKind, Policy, TrustAnchor
from media_format.payload.cobblestone import ciphertext_length
from media_format.refusal import Code, Refusal
from media_format.wire import malformed

_SEALERS = {EnvelopeKind.RELEASE: Purpose.RELEASE_SEALER, EnvelopeKind.DELIVERY: Purpose.BOX_IDENTITY}
_SEAL_AGAIN: Final = "The release is past its date; ask the vendor to seal it again (updatebox vendor seal)."


@dataclass(frozen=True, slots=True)
class VerifiedEnvelope:
    """An envelope whose sealer signed it, for the manifest at hand. Made by `verify_envelope` only."""

    envelope: Envelope
    sealer: VerifiedCertificate


def verify_envelope(
    data: bytes, release: VerifiedManifest, anchor: TrustAnchor, kind: EnvelopeKind
) -> VerifiedEnvelope:
    """Verify ENVELOPE.CBR without regard to dates.

    Raises Refusal(malformed), (too-large) or (unsupported-format) for what does not follow the format or
    contradicts the manifest; (chain-invalid), (purpose-mismatch) or (signature-invalid) for the sealer's
    signature; (signature-invalid) also for an envelope that was made for another manifest.
    """
    signed = cose.read_sign1(data, Envelope.CONTENT_TYPE, Envelope.LIMIT)
    envelope = Envelope.from_bytes(signed.payload)
    signature = signed.signatures[0]
    if signature.bag:
        raise malformed(Envelope.NAME, "carries certificates besides the chain")
    sealer = verify_chain(signature.chain, anchor, _SEALERS[kind])
    signature.verify(sealer.key)
    if envelope.kind is not kind:
        # The chain decides first: a box cannot sign a release, nor the vendor's sealer a delivery.
        raise Refusal(Code.PURPOSE_MISMATCH, f"the envelope is of kind {envelope.kind.name.lower()}")
    if envelope.manifest_digest != release.digest:
        raise Refusal(Code.SIGNATURE_INVALID, "the envelope was made for another manifest")
    _check_payload(envelope, release)
    return VerifiedEnvelope(envelope, sealer)


def _check_payload(envelope: Envelope, release: VerifiedManifest) -> None:
    manifest = release.manifest
    sealed = envelope.cipher is not Cipher.NONE
    length = ciphertext_length(manifest.stored_size) if sealed else manifest.stored_size
    if envelope.present is not None:
        chunks = sum(component.chunks for component in manifest.components)
        if any(run.first + run.count > chunks for run in envelope.present.runs):
            raise malformed(Envelope.NAME, "names chunks that the release has not")
        if len(envelope.present.page_offsets) != len(manifest.pages):
            raise malformed(Envelope.NAME, "the number of page offsets is not that of the pages")
        if envelope.payload_length > length or max(envelope.present.page_offsets) > manifest.stored_size:
            raise malformed(Envelope.NAME, "a payload of more bytes than the whole release has")
        return
    if envelope.payload_length != length:
        raise malformed(Envelope.NAME, f"a payload of {envelope.payload_length} bytes where {length} belong")


def judge_validity(release: VerifiedManifest, sealed: VerifiedEnvelope, now: TrustedTime) -> None:
    """Judge every date of a package by trusted time.

    A manifest's signers must be valid at its creation, the sealer at the issue of the envelope: a certificate
    that expires in transit does not void the package. Clocks may differ by `SKEW`.

    Raises Refusal(certificate-not-yet-valid), (certificate-expired); (certificate-not-yet-valid) also for an
    envelope that is not issued yet, (time-before-floor) for one issued before its manifest was created,
    (package-expired) after its expiry or the release's install-by date, or for a delivery that would live
    longer than `limits.MAX_LIFETIME`.
    """
    manifest, envelope = release.manifest, sealed.envelope
    for signer in release.signers:
        judge_dates(signer, manifest.created)
    judge_dates(sealed.sealer, envelope.issued_at)
    if envelope.issued_at < manifest.created - SKEW:
        raise Refusal(Code.TIME_BEFORE_FLOOR, "the envelope was issued before the release was created")
    if envelope.kind is EnvelopeKind.DELIVERY and envelope.expires - envelope.issued_at > limits.MAX_LIFETIME:
        raise Refusal(Code.PACKAGE_EXPIRED, "a package that would live longer than a year")
    if envelope.issued_at > now.time + SKEW:
        raise Refusal(
            Code.CERTIFICATE_NOT_YET_VALID,
            f"issued at {moment(envelope.issued_at)}, now is {moment(now.time)}",
        )
    if now.time > envelope.expires:
        raise Refusal(
            Code.PACKAGE_EXPIRED,
            f"expired at {moment(envelope.expires)}, now is {moment(now.time)}",
            _SEAL_AGAIN if envelope.kind is EnvelopeKind.RELEASE else None,
        )
    if manifest.install_by is not None and now.time > manifest.install_by:
        raise Refusal(
            Code.PACKAGE_EXPIRED,
            f"to be installed by {moment(manifest.install_by)}, now is {moment(now.time)}",
            "The release may not be installed any more; ask the vendor for a newer one.",
        )


def judge_vendor_dates(dates: Iterable[int], now: TrustedTime) -> None:
    """A date that the vendor signed has passed: a clock behind it is wrong. Refusal(time-before-floor)."""
    latest = max(dates)
    if latest > now.time + SKEW:
        raise Refusal(
            Code.TIME_BEFORE_FLOOR,
            f"{now.source} says {moment(now.time)}, but the vendor signed at {moment(latest)}",
        )


def judge_revocation(
    release: VerifiedManifest,
    sealed: VerifiedEnvelope,
    lists: RevocationLists,
    at: int,
    policy: Policy,
    seen: tuple[CrlNumber, ...] = (),
) -> None:
    """Judge every certificate of a package. Refusal(revoked) or (revocation-stale).

    `seen` are numbers of lists that this machine has had: older ones are not enough.
    """
    demanded = (*release.manifest.crl_numbers, *sealed.envelope.crl_numbers)
    for certificate in (*release.signers, sealed.sealer):
        lists.judge(certificate, at, policy, demanded)
        lists.judge(certificate, at, policy, seen)
