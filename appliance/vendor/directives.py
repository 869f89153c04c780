"""Directives: the vendor's orders to single machines, each signed with a key made for it alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.clock import moment
from appliance.trust.issuing import Issuer, issue_directive_signer
from appliance.trust.profile import RoleIdentity, key_family
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.vendor.addressee import Addressee
from appliance.vendor.authority import ROOT, Authorities
from appliance.vendor.register import Issued, Register
from appliance.vendor.renewal import Issuances, end_of, renewed_leaves, serial_of
from media_format import cose, layout, limits
from media_format.errors import Misuse
from media_format.object_file import write_object
from media_format.objects import Directive, Entitlement, Order, Role, Root, TrustAnchor
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class IssuedDirective:
    """A directive that was written to a medium."""

    file: str
    role: Role
    target: str
    epoch: int
    sequence: int
    order: Order


@dataclass(frozen=True, slots=True)
class Directives:
    """What a vendor can order. Each call writes to UPDATEBX/TRUST of a volume, and raises Refusal(medium-*).

    All raise Misuse for a machine that is not enrolled.
    """

    authorities: Authorities
    register: Register
    issuances: Issuances
    anchor: TrustAnchor
    now: Callable[[], int]

    def check(self, whom: Addressee) -> None:
        """Misuse for a machine that is not enrolled."""
        whom.enrolled(self.register)

    def lower_time_floor(self, volume: Volume, whom: Addressee, floor: int) -> IssuedDirective:
        """Let a machine believe clocks from `floor` on. Misuse for a time it cannot take."""
        enrolled = whom.enrolled(self.register).issued
        if not enrolled <= floor <= self.now():
            raise Misuse(
                f"a time floor lies between the enrolment of {whom.id} ({moment(enrolled)}) and now "
                f"({moment(self.now())}), and {moment(floor)} does not"
            )
        return self._write(volume, whom, Order.TIME_FLOOR, time_floor=floor)

    def entitle(
        self, volume: Volume, whom: Addressee, entitlements: tuple[Entitlement, ...]
    ) -> IssuedDirective:
        """Give a box the list of whom it may serve, in place of the one before. Misuse for devices."""
        if whom.role is not Role.BOX:
            raise Misuse("entitlements are for boxes: they say which devices a box may serve")
        return self._write(volume, whom, Order.ENTITLE, entitlements=entitlements)

    def renew(self, volume: Volume, whom: Addressee) -> IssuedDirective:
        """Give a machine new certificates for the keys it has, and those of the issuing CAs."""
        with self.register.changing():
            parts = (self.authorities, self.register, self.issuances, self.anchor, self.now())
            leaves = renewed_leaves(whom, *parts)
        return self._write(volume, whom, Order.RENEW, certificates=(*leaves, *self.authorities.issuing))

    def cross_sign(self, volume: Volume, whom: Addressee) -> tuple[IssuedDirective, ...]:
        """Let a machine trust every root after the first. Misuse where there is none."""
        later = {name: root for name, root in self.authorities.roots.items() if name != ROOT}
        if not later:
            raise Misuse("there is one root only; make another first: updatebox vendor rotate-root")
        return tuple(
            self._write(
                volume,
                whom,
                Order.CROSS_SIGN,
                root=pinned(root),
                cross_certificate=self.authorities.word_for(name),
            )
            for name, root in later.items()
        )

    def _write(self, volume: Volume, whom: Addressee, order: Order, **fields: Any) -> IssuedDirective:
        with self.register.changing():
            epoch = whom.enrolled(self.register).epoch
            directive = Directive(
                format=limits.FORMAT_VERSION,
                directive_id=os.urandom(16),
                role=whom.role,
                target=whom.id,
                epoch=epoch,
                sequence=self.register.next_sequence(whom.role, whom.id, epoch),
                issued_at=self.now(),
                order=order,
                **fields,
            )
            payload = directive.to_bytes()
            data = cose.sign1(Directive.CONTENT_TYPE, payload, self._signer(directive))
        file = f"{layout.TRUST}/{layout.stem(data)}{layout.DIRECTIVE_SUFFIX}"
        write_object(volume, file, data)
        return IssuedDirective(file, whom.role, whom.id, epoch, directive.sequence, order)

    def _signer(self, directive: Directive) -> KeySigner:
        """A key that is used once and forgotten. Its certificate is in the register, so it can be revoked."""
        purpose, key = Purpose.DIRECTIVE_SIGNER, ec.generate_private_key(ec.SECP256R1())
        text = f"directive {directive.sequence} {directive.target}"
        name = text.encode()[:64].decode(errors="ignore").strip()
        ca = self.authorities.issuer(purpose)
        chain = issue_directive_signer(ca, key.public_key(), RoleIdentity(name, 0), directive.issued_at)
        place = (serial_of(chain[0]), purpose.name, self.authorities.name_of(purpose), name)
        self.register.issued.append(Issued(*place, directive.issued_at, end_of(chain[0])))
        return KeySigner(key, chain)


def pinned(root: Issuer) -> Root:
    """A root as trust anchors hold it."""
    family = key_family(root.key.public_key())
    assert family is not None
    return Root(family=family, certificate=root.certificate.public_bytes(Encoding.DER))
