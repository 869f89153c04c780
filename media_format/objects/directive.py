"""The directive: an order of the vendor for one device or box."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from media_format import limits
from media_format.objects.enrolment import Role
from media_format.objects.manifest import FORMAT, SHORT
from media_format.objects.trust_anchor import CERTIFICATE, Root
from media_format.wire import (
    IDENTIFIER,
    TIME,
    Flag,
    Many,
    Nested,
    Number,
    Record,
    Uint,
    Word,
    key,
    malformed,
    record,
)


class Order(IntEnum):
    """What a directive orders; each uses the fields of the directive that belong to it."""

    TIME_FLOOR = 1
    """Lower the time floor to `time_floor`."""
    ENTITLE = 2
    """Let a box serve what `entitlements` allow, and nothing else."""
    RENEW = 3
    """Install `certificates`: the target's own and the CAs above them."""
    CROSS_SIGN = 4
    """Trust `root` from now on; a root that is trusted already vouches for it in `cross_certificate`."""


@record
class Entitlement(Record):
    """Whether a box may serve the devices that fit every selector that is there.

    `first` and `last` are device ids of equal length; they and the ids between, byte by byte, fit.
    """

    NAME: ClassVar[str] = "entitlement"

    allowed: bool = key(1, Flag())
    product: str | None = key(2, SHORT, default=None)
    line: str | None = key(3, SHORT, default=None)
    hardware: str | None = key(4, SHORT, default=None)
    first: str | None = key(5, SHORT, default=None)
    last: str | None = key(6, SHORT, default=None)

    def check(self, path: str) -> None:
        if (self.first is None) != (self.last is None):
            raise malformed(path, "a range has a first and a last id")
        if self.first is not None and self.last is not None:
            first, last = self.first.encode(), self.last.encode()
            if len(first) != len(last) or first > last:
                raise malformed(path, "the ids of a range have one length and stand in order")
        elif (self.product, self.line, self.hardware) == (None, None, None):
            raise malformed(path, "names no device")


@record
class Directive(Record):
    """The payload of a COSE_Sign1 object signed by a directive signer.

    `sequence` rises with every directive for one target: a target refuses one it has passed.
    """

    NAME: ClassVar[str] = "directive"
    LIMIT: ClassVar[int] = limits.MAX_DIRECTIVE
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.directive+cbor"

    format: int = key(1, FORMAT)
    directive_id: bytes = key(2, IDENTIFIER)
    role: Role = key(3, Word(Role))
    target: str = key(4, SHORT)
    epoch: int = key(5, Uint(0, 2**32 - 1))
    sequence: int = key(6, Uint(1))
    issued_at: int = key(7, TIME)
    order: Order = key(8, Number(Order))
    time_floor: int | None = key(9, TIME, default=None)
    entitlements: tuple[Entitlement, ...] | None = key(10, Many(Nested(Entitlement), 512, 1), default=None)
    certificates: tuple[bytes, ...] | None = key(11, Many(CERTIFICATE, 8, 1), default=None)
    root: Root | None = key(12, Nested(Root), default=None)
    cross_certificate: bytes | None = key(13, CERTIFICATE, default=None)

    def check(self, path: str) -> None:
        fields = {
            "time_floor": Order.TIME_FLOOR,
            "entitlements": Order.ENTITLE,
            "certificates": Order.RENEW,
            "root": Order.CROSS_SIGN,
            "cross_certificate": Order.CROSS_SIGN,
        }
        if any((getattr(self, name) is not None) != (self.order is order) for name, order in fields.items()):
            raise malformed(path, "must carry what its order needs and nothing else")
        if self.order is Order.ENTITLE and self.role is not Role.BOX:
            raise malformed(path, "entitlements are for boxes")
