"""The verifier: whether a device may install a package. No input, no output, no clock.

Bytes, the device's state and what its clocks say go in; an `InstallPlan` comes out, or one named refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from appliance.trust.chain import ExpiryWarning, VerifiedCertificate
from appliance.trust.clock import Reading, TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.manifest import VerifiedManifest
from appliance.trust.pages import VerifiedPage
from media_format.objects import Answer, ChainHead, Envelope, Manifest, Recipient, TrustAnchor
from media_format.payload.recipients import RecipientKey


@dataclass(frozen=True, slots=True)
class PackageBytes:
    """A package as read from a medium: the COSE objects, and the revocation lists found on it. Not verified."""

    manifest: bytes
    envelope: bytes
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotSpace:
    """The room of one slot that updates may write to, in bytes."""

    capacity: int


@dataclass(frozen=True, slots=True)
class DeviceView:
    """What a device knows about itself when it judges a package.

    `installed` is the manifest digest of a release whose slots were just measured to be right. `outstanding` is
    the newest request (nonce, counter); `proves_time` says whether its nonce is young enough, by boots and
    uptime (policy.nonce_boots, nonce_uptime), to prove time. `reuse` says whether the device can take chunks
    from the release it runs. `slots` names every slot that updates may write, and no other.
    """

    id: str
    epoch: int
    product: str
    line: str
    hardware: str
    key: RecipientKey = field(repr=False)
    slots: Mapping[str, SlotSpace]
    largest_chunk: int
    time_floor: int
    security_floor: int = 0
    head: ChainHead | None = None
    pending: ChainHead | None = None
    failed: frozenset[bytes] = frozenset()
    installed: bytes | None = None
    outstanding: Answer | None = None
    proves_time: bool = True
    retry: bool = False
    repair: bool = False
    reuse: bool = False


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """A package that this device may install now. Made by `admit_package` only.

    `lists` and `time_floor` are to be kept by the device: the revocation lists after taking over newer ones, and
    the time that has surely passed. `recipient` holds the wrapped content key, None for a package without
    encryption.
    """

    release: VerifiedManifest
    envelope: Envelope
    sealer: VerifiedCertificate
    recipient: Recipient | None
    time: TrustedTime
    time_floor: int
    lists: RevocationLists
    warnings: tuple[ExpiryWarning, ...]

    @property
    def manifest(self) -> Manifest:
        """What to install."""
        return self.release.manifest

    @property
    def manifest_digest(self) -> bytes:
        """SHA-256 over the manifest's signed payload."""
        return self.release.digest

    @property
    def head(self) -> ChainHead:
        """Where this release stands in the key chain."""
        return ChainHead(
            line=self.manifest.line, index=self.manifest.index, manifest_digest=self.manifest_digest
        )

    def page(self, number: int, data: bytes) -> VerifiedPage:
        """Verify page `number` of the chunk table; see `appliance.trust.pages.verify_page`."""
        raise NotImplementedError


def admit_package(
    package: PackageBytes,
    view: DeviceView,
    anchor: TrustAnchor,
    lists: RevocationLists,
    readings: Sequence[Reading],
) -> InstallPlan:
    """The verified plan, or the first refusal in the order this module's docstring states."""
    raise NotImplementedError


def addressed_to(envelope: bytes, device_id: str) -> bool:
    """Whether an envelope names the device as a recipient. Unverified: decides only who is told of a refusal."""
    raise NotImplementedError
