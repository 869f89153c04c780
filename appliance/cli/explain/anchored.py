"""The standpoint of a trust anchor: what holds for every machine of a vendor, whatever else it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cli.explain.backup import BackupContent
from appliance.cli.explain.judgement import Judgement, judge_list, judged
from appliance.cli.explain.ledger import LedgerContent
from appliance.cli.explain.things import Thing
from appliance.trust.bundle import Bundle
from appliance.trust.chain import VerifiedCertificate, judge_dates, verify_chain
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.directive import Target, admit_directive
from appliance.trust.enrolment import read_enrolment
from appliance.trust.envelope import judge_revocation, judge_validity, judge_vendor_dates, verify_envelope
from appliance.trust.manifest import verify_manifest
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.receipt import admit_receipt
from appliance.trust.renewal import OWN
from appliance.trust.request import admit_request
from appliance.trust.verifier import judge_protection
from media_format import cose
from media_format.objects import (
    Directive,
    EnrolmentRequest,
    Envelope,
    EnvelopeKind,
    Manifest,
    Receipt,
    Request,
    TrustAnchor,
)
from media_format.package import PackageReader
from media_format.receipt_file import ReceiptCollection
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_WHOLE = Judgement(None, "judged as part of its package: name the package's folder or the medium")


class Anchored:
    """Whoever trusts `anchor` and believes that it is `at`; `lists` came along with the anchor."""

    def __init__(self, anchor: TrustAnchor, lists: RevocationLists, at: int) -> None:
        self.by = f"the trust anchor of {anchor.vendor}"
        self.anchor = anchor
        self.lists = lists
        self.at: int | None = at
        self.loops: tuple[Path, ...] = ()
        self._at = at

    def medium(self, volume: Volume, crls: Sequence[bytes]) -> Mapping[str, Judgement]:
        return {}

    def package(self, volume: Volume, folder: str, crls: Sequence[bytes]) -> Judgement:
        return judged(lambda: self._package(PackageReader(volume, folder), crls))

    def _package(self, reader: PackageReader, crls: Sequence[bytes]) -> str:
        """The checks that box and device share, in the verifier's order."""
        now, envelope = TrustedTime(self._at, "the time given"), reader.envelope()
        release = verify_manifest(reader.manifest(), self.anchor)
        kind = _kind(envelope)
        sealed = verify_envelope(envelope, release, self.anchor, kind)
        if kind is EnvelopeKind.DELIVERY:
            judge_protection(sealed.envelope, self.anchor.policy)
        signers = (*release.signers, sealed.sealer)
        lists = self.lists.take(crls, (issuer for one in signers for issuer in one.issuers))
        judge_vendor_dates((release.manifest.created, *lists.dates), now)
        judge_validity(release, sealed, now)
        judge_revocation(release, sealed, lists, now.time, self.anchor.policy)
        return "signatures, chains, purposes, dates and revocation are right"

    def thing(self, thing: Thing, crls: Sequence[bytes]) -> Judgement:
        if thing.crl is not None:
            return judge_list(thing.data, self.lists)
        match thing.content:
            case LedgerContent() as ledger:
                return self._ledger(ledger)
            case BackupContent():
                return Judgement(None, "whose it is stands in the sealed part")
        match thing.record:
            case Envelope():
                return _WHOLE
            case ReceiptCollection() as collection:
                return judged(lambda: self._collection(thing, collection))
            case Manifest() | Request() | Receipt() | Directive() | EnrolmentRequest():
                return judged(lambda: self._signed(thing, crls))
        if thing.bundle is not None:
            bundle = thing.bundle
            return judged(lambda: self._bundle(bundle))
        return Judgement(None, "nothing here is signed for this anchor to judge")

    def _signed(self, thing: Thing, crls: Sequence[bytes]) -> str:
        data, anchor, lists = thing.data, self.anchor, self.lists
        match thing.record:
            case Manifest() as manifest:
                for signer in verify_manifest(data, anchor).signers:
                    judge_dates(signer, manifest.created)
                    lists.take(crls, signer.issuers).judge_chain(signer)
            case Request():
                admit_request(data, anchor, lists, self._at, crls)
            case Receipt():
                admit_receipt(data, anchor, lists, self._at, crls)
            case Directive() as order:
                target = Target(order.role, RoleIdentity(order.target, order.epoch), 0)
                admit_directive(data, target, anchor, lists, TrustedTime(self._at, "the time given"), crls)
            case EnrolmentRequest():
                read_enrolment(data)
                return "signed by the key it names; compare the fingerprint with what the machine shows"
        return "signed by whom it says, under a root that is trusted"

    def _ledger(self, ledger: LedgerContent) -> Judgement:
        chain = tuple(held.public_bytes(Encoding.DER) for held in ledger.certificates)
        answer = judged(lambda: f"of the box {self._box(chain, ledger.box).identity.id} of this vendor")
        if answer.accepted and ledger.notes:
            return Judgement(False, f"it is not as the box wrote it: {ledger.notes[0]}")
        return answer

    def _collection(self, thing: Thing, collection: ReceiptCollection) -> str:
        (signature,) = thing.signatures
        signature.verify(self._box(signature.chain, collection.box).key)
        return "a box of this vendor signed that these are all; each receipt is judged when it is imported"

    def _box(self, chain: tuple[bytes, ...], box: str) -> VerifiedCertificate:
        """The certificate of a box that must be called so. Refusal."""
        certificate = verify_chain(chain, self.anchor, Purpose.BOX_IDENTITY)
        self.lists.judge_chain(certificate)
        if certificate.identity.id != box:
            raise Refusal(Code.PURPOSE_MISMATCH, "it names another box than its certificate")
        return certificate

    def _bundle(self, bundle: Bundle) -> str:
        """Whether a vendor's answer is this vendor's, and its certificates are good."""
        held = bundle.under(self.anchor)
        lists = self.lists.take(bundle.crls, bundle.issuers())
        purposes = [purpose for own in OWN.values() for purpose in own]
        for purpose in purposes:
            chain = _chain(held, purpose)
            if chain is not None:
                verified = verify_chain(chain, self.anchor, purpose)
                judge_dates(verified, self._at)
                lists.judge_chain(verified)
        return "of this vendor"


def _chain(bundle: Bundle, purpose: Purpose) -> tuple[bytes, ...] | None:
    try:
        return bundle.chain(purpose)
    except Refusal:
        return None


def _kind(envelope: bytes) -> EnvelopeKind:
    """What an envelope says it is; it decides only which key should have signed it."""
    try:
        signed = cose.read_sign1(envelope, Envelope.CONTENT_TYPE, Envelope.LIMIT)
        return Envelope.from_bytes(signed.payload).kind
    except Refusal:
        return EnvelopeKind.DELIVERY
