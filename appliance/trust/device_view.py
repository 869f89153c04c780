"""What a device knows about itself when it judges a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from media_format.objects import Answer, ChainHead, CrlNumber
from media_format.payload.recipients import RecipientKey


@dataclass(frozen=True, slots=True)
class SlotSpace:
    """The room of one slot that updates may write to, in bytes."""

    capacity: int


@dataclass(frozen=True, slots=True)
class DeviceView:
    """What a device knows about itself when it judges a package.

    `installed` is the manifest digest of a release whose slots were just measured to be right.
    `outstanding` is the newest request (nonce, counter); `proves_time` says whether its nonce is young
    enough, by boots and uptime (policy.nonce_boots, nonce_uptime), to prove time. `reuse` says whether the
    device can take chunks from what it runs, `bases` names the releases it would take them from: they run by
    the device's own records, and are measured before a chunk of theirs is written. `slots` names every slot
    that updates may write, and no other. `retry` says that a person asks for what failed, or is installed.
    `crl_numbers` are those of the newest revocation lists it has had,
    `asked_at` is the time of the outstanding request, by the device's trusted clock or its floor.
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
    reuse: bool = False
    bases: frozenset[bytes] = frozenset()
    crl_numbers: tuple[CrlNumber, ...] = ()
    asked_at: int = 0
