"""A vendor, boxes and a device that live through years: real signatures and the real verifier, any clocks.

What the world is really like (`now`, who lies) stands here beside what the device believes, so that a test
can hold the one against the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.trust.bundle import Bundle
from appliance.trust.clock import Reading
from appliance.trust.crl import RevocationLists
from appliance.trust.directive import Target, admit_directive
from appliance.trust.issuing import issue_box, issue_directive_signer
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.renewal import lowered_floor
from appliance.trust.signer import KeySigner
from appliance.trust.verifier import InstallPlan, admit_package
from media_format import cose
from media_format.objects import (
    Answer,
    ChainHead,
    CrlNumber,
    DeviceBinding,
    Directive,
    Manifest,
    Policy,
    Role,
    TrustAnchor,
)
from media_format.objects.directive import Order
from media_format.refusal import Code, Refusal
from tests.trust_world import DAY, NOW, YEAR, World, make_anchor, make_manifest, new_key

BOX_LIFETIME = 2 * YEAR
PACKAGE_LIFETIME = 90 * DAY
AUTHORITIES = (None, Purpose.RELEASE_CA, Purpose.BOX_CA)
"""The root and the CAs whose lists a package needs."""


@dataclass(frozen=True)
class Release:
    """A release with the key that may sign it."""

    manifest: Manifest
    signer: KeySigner


@dataclass(frozen=True)
class Delivery:
    """A package for the device, and what a box did to it."""

    release: Release
    issued_at: int
    expires: int
    answers: Answer | None
    crls: tuple[bytes, ...]
    demanded: tuple[CrlNumber, ...] = ()


@dataclass
class Fleet:
    """`floor`, `head`, `lists` and `request` are the device's; all else is the truth."""

    world: World
    policy: Policy
    now: int = NOW
    floor: int = NOW - YEAR
    head: ChainHead | None = None
    lists: RevocationLists = field(init=False)
    request: int = 1
    boots: int = 0
    directives: int = 0
    release: Release = field(init=False)
    crls: tuple[bytes, ...] = ()
    crl_number: int = 0
    crl_date: int = 0
    box: KeySigner = field(init=False)
    box_ends: int = 0

    def __post_init__(self) -> None:
        self.lists = RevocationLists(self.anchor)
        self.make_release()
        self.issue_lists()
        self.certify_box()

    @property
    def anchor(self) -> TrustAnchor:
        return make_anchor(self.policy, self.world)

    # The vendor, whose clock is right

    def make_release(self) -> None:
        index = self.release.manifest.index + 1 if hasattr(self, "release") else 5
        manifest = make_manifest(index=index, created=self.now)
        self.release = Release(manifest, self.world.release_signer(index, now=self.now))

    def issue_lists(self) -> None:
        self.crl_number += 1
        self.crl_date = self.now
        self.crls = tuple(self.world.crl(ca, self.crl_number, at=self.now) for ca in AUTHORITIES)

    def certify_box(self) -> None:
        holder, ca = self.world.box, self.world.issuers[Purpose.BOX_CA]
        self.box = KeySigner(
            holder.identity_key, issue_box(ca, holder.enrolment, self.now, BOX_LIFETIME).identity
        )
        self.box_ends = self.now + BOX_LIFETIME

    def directive(self, time_floor: int) -> bytes:
        """An order to lower the device's floor, the next in its sequence."""
        self.directives += 1
        directive = Directive(
            format=1,
            directive_id=bytes(16),
            role=Role.DEVICE,
            target="pump-17",
            epoch=1,
            sequence=self.directives,
            issued_at=self.now,
            order=Order.TIME_FLOOR,
            time_floor=time_floor,
        )
        key, ca = new_key(), self.world.issuers[Purpose.RELEASE_CA]
        chain = issue_directive_signer(ca, key.public_key(), RoleIdentity("directives", 0), self.now)
        return cose.sign1(Directive.CONTENT_TYPE, directive.to_bytes(), KeySigner(key, chain))

    # The device

    @property
    def outstanding(self) -> Answer:
        """Its request; the nonce is another one for each."""
        return Answer(nonce=self.request.to_bytes(32, "big"), counter=self.request)

    @property
    def young(self) -> bool:
        """Whether its request is recent enough to prove time."""
        return self.boots <= self.policy.nonce_boots

    def apply(self, delivery: Delivery, readings: tuple[Reading, ...]) -> InstallPlan | Code:
        """The device judges a package and, where it is good, installs and confirms it and asks anew."""
        device = DeviceBinding(id="pump-17", epoch=1, answers=delivery.answers)
        package = self.world.package(
            delivery.release.manifest,
            signers=[delivery.release.signer],
            sealer=self.box,
            crls=delivery.crls,
            issued_at=delivery.issued_at,
            expires=delivery.expires,
            crl_numbers=delivery.demanded,
            recipients=(self.world.recipient(device=device),),
        )
        view = self.world.view(
            time_floor=self.floor, head=self.head, outstanding=self.outstanding, proves_time=self.young
        )
        try:
            plan = admit_package(package, view, self.anchor, self.lists, readings)
        except Refusal as refusal:
            return refusal.code
        self.floor, self.head, self.lists = plan.time_floor, plan.head, plan.lists
        self.request, self.boots = self.request + 1, 0
        return plan

    def obey(self, directive: bytes, acted_on: int) -> Code | None:
        """The device takes a directive, after number `acted_on`; its clock need not be trusted."""
        target = Target(Role.DEVICE, RoleIdentity("pump-17", 1), acted_on)
        try:
            verified = admit_directive(directive, target, self.anchor, self.lists, None)
        except Refusal as refusal:
            return refusal.code
        issued = self.world.device.issued
        own = Bundle(self.anchor, (*issued.identity, *issued.encryption), ())
        self.floor = lowered_floor(verified, self.floor, own)
        return None
