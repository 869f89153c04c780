"""Directives by a vendor in memory: `tests.trust_world` gives the keys, this the orders."""

from __future__ import annotations

import dataclasses
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.bundle import Bundle
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.directive import Target, VerifiedDirective, admit_directive
from appliance.trust.issuing import (
    Issuer,
    create_issuing_ca,
    create_root,
    cross_certify,
    generate_issuer_key,
    issue_directive_signer,
)
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from media_format import cose
from media_format.objects import Directive, Family, Order, Role, Root
from tests.trust_world import BIRTH, DAY, NOW, Holder, World, new_key

TARGET = Target(Role.DEVICE, RoleIdentity("pump-17", 1), 4)
"""The world's device, which has acted on directive 4."""
RTC = TrustedTime(NOW, "rtc")


def make_directive(**changes: Any) -> Directive:
    """Directive 5, for the world's device: a lower time floor."""
    fields: dict[str, Any] = {
        "format": 1,
        "directive_id": bytes(16),
        "role": Role.DEVICE,
        "target": "pump-17",
        "epoch": 1,
        "sequence": 5,
        "issued_at": NOW - DAY,
        "order": Order.TIME_FLOOR,
        "time_floor": NOW - 10 * DAY,
    }
    if changes.get("order", Order.TIME_FLOOR) is not Order.TIME_FLOOR:
        del fields["time_floor"]
    return Directive(**{**fields, **changes})


def signer(world: World, now: int = BIRTH, lifetime: int = 2 * 365 * DAY) -> KeySigner:
    """A directive signer of the vendor."""
    key, ca = new_key(), world.issuers[Purpose.RELEASE_CA]
    chain = issue_directive_signer(ca, key.public_key(), RoleIdentity("directives", 0), now, lifetime)
    return KeySigner(key, chain)


def sign(directive: Directive, by: cose.Signer) -> bytes:
    return cose.sign1(Directive.CONTENT_TYPE, directive.to_bytes(), by)


def ordered(world: World, lists: RevocationLists | None = None, **changes: Any) -> VerifiedDirective:
    """A directive that the world's device, or the box where `changes` name it, has admitted."""
    directive = make_directive(**changes)
    target = Target(directive.role, RoleIdentity(directive.target, directive.epoch), 4)
    data = sign(directive, signer(world))
    return admit_directive(data, target, world.anchor, lists or RevocationLists(world.anchor), RTC)


def bundle_of(world: World, holder: Holder) -> Bundle:
    """What the vendor answered a holder's enrolment with."""
    leaves = (holder.issued.identity[0], holder.issued.encryption[0])
    return Bundle(world.anchor, (*leaves, *cas(world.issuers)))


def cas(issuers: dict[Purpose, Issuer]) -> tuple[bytes, ...]:
    return tuple(issuer.certificate.public_bytes(Encoding.DER) for issuer in issuers.values())


@dataclasses.dataclass(frozen=True)
class Rotation:
    """A new root of the world's vendor, the old one's word for it, and the same CAs below it."""

    root: Issuer
    cross_certificate: bytes
    issuers: dict[Purpose, Issuer]

    @classmethod
    def of(cls, world: World, family: Family = Family.ECDSA) -> Rotation:
        root = create_root("Acme", generate_issuer_key(family), NOW - DAY, 2)
        issuers = {
            purpose: create_issuing_ca(root, "Acme", purpose, issuer.key, NOW - DAY)
            for purpose, issuer in world.issuers.items()
        }
        return cls(root, cross_certify(world.root, root, NOW - DAY), issuers)

    @property
    def pinned(self) -> Root:
        family = Family.ECDSA if hasattr(self.root.key, "curve") else Family.ML_DSA
        return Root(family=family, certificate=self.root.certificate.public_bytes(Encoding.DER))

    def order(self, **changes: Any) -> dict[str, Any]:
        """The fields of the directive."""
        fields = {"root": self.pinned, "cross_certificate": self.cross_certificate}
        return {"order": Order.CROSS_SIGN, **fields, **changes}
