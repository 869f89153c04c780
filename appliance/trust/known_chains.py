"""Chains of many objects at once: those of one device, or below one CA, come again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.trust.chain import VerifiedCertificate, verify_chain
from appliance.trust.purpose import Purpose
from media_format.objects import TrustAnchor

_REMEMBERED: Final = 1024


class KnownChains:
    """`verify_chain` for many objects at once: each chain of one anchor is verified the first time it comes.

    What a chain stands for does not change; dates and revocation are judged apart. Only the newest
    `_REMEMBERED` are remembered, so that a hostile medium costs bounded memory.
    """

    def __init__(self, anchor: TrustAnchor) -> None:
        self._anchor = anchor
        self._known: dict[tuple[tuple[bytes, ...], Purpose], VerifiedCertificate] = {}

    def verify(self, chain: Sequence[bytes], purpose: Purpose) -> VerifiedCertificate:
        """As `verify_chain`."""
        place = (tuple(chain), purpose)
        if place not in self._known:
            verified = verify_chain(chain, self._anchor, purpose)
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[place] = verified
        return self._known[place]
