"""The key chain: which release may follow which (rollback protection).

A device's head is the release it confirmed last; every release has an index. The rules, in order:

1. below the security floor: the vendor retired that signer          → signer-superseded
2. below the head: an older release                                  → rollback
3. the head's index, or the pending one's, with another digest       → equivocation
4. a release that failed on this device                              → previously-failed, unless a retry is asked for
5. a release whose slots still measure right                         → already-installed, unless a repair is asked for
6. anything else is installed: above the head, or the head's own digest again as a repair, or the pending one

An older signer cannot bring a newer index: `appliance.trust.manifest` holds a release to its signers' index.
"""

from __future__ import annotations

from dataclasses import dataclass

from media_format.objects import ChainHead
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class KeyChain:
    """A device's state on its line.

    `head` was confirmed last, `pending` stands in the other slot and is not confirmed. `failed` are the manifest
    digests of releases that failed here; `installed` is the digest of the release whose slots were just
    measured to be right, None where none is.
    """

    security_floor: int
    head: ChainHead | None = None
    pending: ChainHead | None = None
    failed: frozenset[bytes] = frozenset()
    installed: bytes | None = None


def judge_install(chain: KeyChain, release: ChainHead, *, retry: bool = False, repair: bool = False) -> None:
    """Whether `release` may be installed. Raises the refusals that this module's docstring lists."""
    raise NotImplementedError


def judge_boot(security_floor: int, release: ChainHead) -> None:
    """Whether `release` may boot: at or above the security floor. Raises Refusal(signer-superseded)."""
    raise NotImplementedError


def confirmed(chain: KeyChain, release: ChainHead, security_floor: int) -> KeyChain:
    """The state after `release`, whose manifest states `security_floor`, was confirmed.

    The head moves to it, nothing is pending, and the floor never sinks. Raises Refusal(rollback) for a
    release behind the head.
    """
    raise NotImplementedError
