"""The objects that travel: frozen typed values that know how to encode and check themselves, one a file."""

from media_format.kem import Kem
from media_format.objects.chunk_table import Chunk, ChunkPage, Codec
from media_format.objects.directive import Directive, Entitlement, Order
from media_format.objects.enrolment import DeviceKind, EncryptionKey, EnrolmentRequest, Role
from media_format.objects.envelope import (
    Acknowledgement,
    Answer,
    Cipher,
    DeviceBinding,
    Envelope,
    EnvelopeKind,
    Present,
    Recipient,
    Run,
    Wrap,
)
from media_format.objects.manifest import Component, ComponentKind, CrlNumber, Manifest, PageReference
from media_format.objects.receipt import Outcome, Receipt, ReceiptTime
from media_format.objects.request import ChainHead, DeviceTime, RefusalCount, Request, SlotReport
from media_format.objects.trust_anchor import Family, Mode, Policy, Root, SignatureRule, TrustAnchor

__all__ = [
    "Acknowledgement",
    "Answer",
    "ChainHead",
    "Chunk",
    "ChunkPage",
    "Cipher",
    "Codec",
    "Component",
    "ComponentKind",
    "CrlNumber",
    "DeviceBinding",
    "DeviceKind",
    "DeviceTime",
    "Directive",
    "EncryptionKey",
    "EnrolmentRequest",
    "Entitlement",
    "Envelope",
    "EnvelopeKind",
    "Family",
    "Kem",
    "Manifest",
    "Mode",
    "Order",
    "Outcome",
    "PageReference",
    "Policy",
    "Present",
    "Receipt",
    "ReceiptTime",
    "Recipient",
    "RefusalCount",
    "Request",
    "Role",
    "Root",
    "Run",
    "SignatureRule",
    "SlotReport",
    "TrustAnchor",
    "Wrap",
]
