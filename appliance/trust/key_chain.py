"""The key chain: which release may follow which (rollback protection).

A device's head is the release it confirmed last; every release has an index. The rules, in order:

1. below the security floor, the vendor retired that signer: signer-superseded
2. below the head, or below the pending one (a stick with both would undo its own update): rollback
3. the head's index, or the pending one's, with another digest: equivocation
4. a release that failed on this device: previously-failed, unless a retry is asked for
5. a release whose slots still measure right: already-installed, unless a retry is asked for
6. anything else is installed: above the head, or the head's own digest again, or the pending one

An older signer cannot bring a newer release: `appliance.trust.manifest` holds a manifest to the index
of its signers (signer-superseded).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from media_format.objects import ChainHead
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class KeyChain:
    """A device's state on its line.

    `head` was confirmed last, `pending` stands in the other slot and is not confirmed. `failed` are the
    manifest digests of releases that failed here; `installed` is the digest of the release whose slots
    were just measured to be right, None where none is.
    """

    security_floor: int
    head: ChainHead | None = None
    pending: ChainHead | None = None
    failed: frozenset[bytes] = frozenset()
    installed: bytes | None = None


def judge_install(chain: KeyChain, release: ChainHead, *, retry: bool = False) -> None:
    """Whether `release` may be installed. Raises the refusals that this module's docstring lists."""
    judge_boot(chain.security_floor, release)
    for stage, place in (("confirmed", chain.head), ("pending", chain.pending)):
        if place is None or place.line != release.line:
            continue
        if release.index < place.index:
            raise Refusal(Code.ROLLBACK, f"index {release.index} is behind {place.index}, {stage} here")
        if release.index == place.index and release.manifest_digest != place.manifest_digest:
            raise Refusal(Code.EQUIVOCATION, f"another release with index {place.index} is {stage} here")
    if retry:
        return
    if release.manifest_digest in chain.failed:
        raise Refusal(Code.PREVIOUSLY_FAILED, "this release failed on this device before")
    if release.manifest_digest == chain.installed:
        raise Refusal(Code.ALREADY_INSTALLED, "this release is installed and undamaged")


def judge_boot(security_floor: int, release: ChainHead) -> None:
    """Whether `release` may boot: at or above the security floor. Raises Refusal(signer-superseded)."""
    if release.index < security_floor:
        raise Refusal(
            Code.SIGNER_SUPERSEDED, f"index {release.index} is below the security floor {security_floor}"
        )


def confirmed(chain: KeyChain, release: ChainHead, security_floor: int) -> KeyChain:
    """The state after `release`, whose manifest states `security_floor`, was confirmed.

    The head moves to it, nothing is pending, and the floor never sinks. Raises Refusal(rollback) for a
    release behind the head, (equivocation) for another one with its index, (signer-superseded) for one
    below the security floor.
    """
    judge_install(replace(chain, pending=None, failed=frozenset(), installed=None), release)
    floor = max(chain.security_floor, security_floor)
    failed = chain.failed - {release.manifest_digest}
    return KeyChain(floor, release, None, failed, release.manifest_digest)
