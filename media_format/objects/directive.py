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
    """What a directive orders; each uses the one field of the directive that belongs to it."""

    TIME_FLOOR = 1
    """Lower the time floor to `time_floor`."""
    ENTITLE = 2
    """Allow `products` at a box."""
    RENEW = 3
    """Install `certificates`."""
    CROSS_SIGN = 4
    """Trust `root` from now on; it comes signed under a root that is trusted already."""


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
    products: tuple[str, ...] | None = key(10, Many(SHORT, 256, 1), default=None)
    certificates: tuple[bytes, ...] | None = key(11, Many(CERTIFICATE, 8, 1), default=None)
    root: Root | None = key(12, Nested(Root), default=None)

    def check(self, path: str) -> None:
        fields = {
            Order.TIME_FLOOR: self.time_floor,
            Order.ENTITLE: self.products,
            Order.RENEW: self.certificates,
            Order.CROSS_SIGN: self.root,
        }
        if [order for order, value in fields.items() if value is not None] != [self.order]:
            raise malformed(path, "must carry what its order needs and nothing else")
