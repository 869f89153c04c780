"""Signers and sealers of releases: each is made for one release, and its key is forgotten afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.trust.clock import DAY
from appliance.trust.issuing import issue_release_signer, issue_sealer
from appliance.trust.profile import ReleaseBinding, RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.vendor.authority import Authorities
from appliance.vendor.register import Issued, Register
from appliance.vendor.release import ReleaseOrder, Signing
from appliance.vendor.renewal import end_of, serial_of
from media_format.objects import CrlNumber, TrustAnchor

RELEASE_LIFETIME: Final = 2 * 365 * DAY
"""How long a release may be imported into a box after it was sealed, in seconds."""


@dataclass(frozen=True, slots=True)
class Signers:
    """Makes them. Their certificates are in the register, so they can be revoked."""

    authorities: Authorities
    register: Register
    anchor: TrustAnchor
    now: Callable[[], int]

    def signing(self, order: ReleaseOrder, index: int, crl_numbers: tuple[CrlNumber, ...]) -> Signing:
        """Signers for a new release, as many as the policy demands, and its sealer."""
        now, purpose = self.now(), Purpose.RELEASE_SIGNER
        name = _named(order.product, order.line, index)
        ca, who = self.authorities.issuer(purpose), RoleIdentity(name, 0)
        binding = ReleaseBinding(order.product, order.line, index)
        count = sum(rule.count for rule in self.anchor.policy.signatures)
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(count)]
        chains = [issue_release_signer(ca, key.public_key(), who, binding, now) for key in keys]
        self._enter(purpose, chains, name, order.product, now)
        return Signing(
            signers=tuple(map(KeySigner, keys, chains)),
            sealer=self.sealer(order.product, order.line, index),
            index=index,
            crl_numbers=crl_numbers,
            created=now,
            expires=now + RELEASE_LIFETIME,
        )

    def sealer(self, product: str, line: str, index: int) -> KeySigner:
        """A sealer for one package of a release."""
        now, purpose = self.now(), Purpose.RELEASE_SEALER
        name, key = _named(product, line, index), ec.generate_private_key(ec.SECP256R1())
        chain = issue_sealer(self.authorities.issuer(purpose), key.public_key(), RoleIdentity(name, 0), now)
        self._enter(purpose, [chain], name, product, now)
        return KeySigner(key, chain)

    def _enter(
        self, purpose: Purpose, chains: Sequence[tuple[bytes, ...]], name: str, product: str, now: int
    ) -> None:
        issuer = self.authorities.name_of(purpose)
        with self.register.changing():
            for chain in chains:
                place = (serial_of(chain[0]), purpose.name, issuer, name, now)
                self.register.issued.append(Issued(*place, end_of(chain[0]), 0, product))


def _named(product: str, line: str, index: int) -> str:
    """The name of whoever signs or seals one release."""
    return f"{index} {line} {product}".encode()[:64].decode(errors="ignore").strip()
