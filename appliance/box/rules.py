"""Who may be updated here: the box's own rules, and with them the vendor's list where there is one.

Of the rules that fit a device the most specific decides, among equals a denial; where none fits, the box's
default. The vendor's list is judged the same way, except that a device which none of it fits is not entitled.
Both must allow the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Transaction

from appliance.box import entitlements
from appliance.box.schema import RuleRow
from appliance.trust.entitlement import deciding, fits, specificity
from media_format.objects import DeviceKind, Entitlement


class RuleSource(StrEnum):
    """Who made a rule."""

    BOX = "box"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as lists show it. `first` and `last` are the ids of a range; one id is both."""

    source: RuleSource
    allowed: bool
    product: str | None
    line: str | None
    hardware: str | None
    first: str | None
    last: str | None
    text: str
    """The rule in words, for instance "deny product pump"."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the box's rules, or the vendor's, say of a device; `rule` is None where none fits."""

    source: RuleSource
    allowed: bool
    rule: Rule | None
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a device may be updated here; `vendor` is None where the vendor never gave a list."""

    device_id: str
    box: Decision
    vendor: Decision | None

    @property
    def allowed(self) -> bool:
        """Both allow it."""
        return self.box.allowed and (self.vendor is None or self.vendor.allowed)

    @property
    def reason(self) -> str:
        """Why it is denied, or why it is allowed."""
        denials = [one for one in self._decisions if not one.allowed]
        return "; ".join(one.reason for one in denials or self._decisions)

    @property
    def _decisions(self) -> tuple[Decision, ...]:
        return (self.box,) if self.vendor is None else (self.box, self.vendor)


@dataclass(frozen=True, slots=True)
class Rules:
    """All the rules at a box. `allow_by_default` decides where none of the box's own fits."""

    own: tuple[Entitlement, ...]
    vendor: tuple[Entitlement, ...] | None
    allow_by_default: bool

    def judge(self, device_id: str, kind: DeviceKind) -> Verdict:
        """What becomes of a device."""
        default = "allows" if self.allow_by_default else "denies"
        unruled = Decision(
            RuleSource.BOX,
            self.allow_by_default,
            None,
            f"no rule of the box fits it, and the box {default} such devices",
        )
        own = _decision(RuleSource.BOX, self.own, device_id, kind, unruled)
        if self.vendor is None:
            return Verdict(device_id, own, None)
        unlisted = Decision(RuleSource.VENDOR, False, None, "the vendor's list does not name it")
        return Verdict(device_id, own, _decision(RuleSource.VENDOR, self.vendor, device_id, kind, unlisted))

    def listed(self) -> tuple[Rule, ...]:
        """Every rule: the box's own, then the vendor's."""
        own = tuple(shown(RuleSource.BOX, entry) for entry in self.own)
        return own + tuple(shown(RuleSource.VENDOR, entry) for entry in self.vendor or ())


def held(transaction: Transaction, *, allow_by_default: bool) -> Rules:
    """The rules in the store. MachineFault where the vendor's list is damaged."""
    return Rules(own(transaction), entitlements.held(transaction), allow_by_default)


def own(transaction: Transaction) -> tuple[Entitlement, ...]:
    """The box's own rules, in the order of what they select."""
    table = RuleRow.__table__.c
    order = (table.product, table.line, table.hardware, table.first, table.last)
    return tuple(
        Entitlement(
            allowed=bool(row.allowed),
            product=row.product or None,
            line=row.line or None,
            hardware=row.hardware or None,
            first=row.first or None,
            last=row.last or None,
        )
        for row in transaction.scalars(select(RuleRow).order_by(*order))
    )


def put(transaction: Transaction, entry: Entitlement) -> None:
    """Make a rule, in the place of the one that selects the same."""
    transaction.merge(
        RuleRow(
            product=entry.product or "",
            line=entry.line or "",
            hardware=entry.hardware or "",
            first=entry.first or "",
            last=entry.last or "",
            allowed=int(entry.allowed),
        )
    )


def replace(transaction: Transaction, entries: Iterable[Entitlement]) -> None:
    """Put rules in the place of all that the box had; the vendor's stay."""
    transaction.execute(delete(RuleRow))
    for entry in entries:
        put(transaction, entry)


def in_words(entry: Entitlement) -> str:
    """A rule as people say it, for instance "deny product pump, line stable"."""
    words = [
        f"{name} {value}"
        for name, value in (("product", entry.product), ("line", entry.line), ("hardware", entry.hardware))
        if value is not None
    ]
    if entry.first is not None:
        one = entry.first == entry.last
        words.append(f"device {entry.first}" if one else f"devices {entry.first} to {entry.last}")
    return f"{'allow' if entry.allowed else 'deny'} {', '.join(words)}"


def shown(source: RuleSource, entry: Entitlement) -> Rule:
    """A rule as lists show it."""
    selectors = (entry.product, entry.line, entry.hardware, entry.first, entry.last)
    return Rule(source, entry.allowed, *selectors, in_words(entry))


def _decision(
    source: RuleSource, entries: Iterable[Entitlement], device_id: str, kind: DeviceKind, otherwise: Decision
) -> Decision:
    fitting = [entry for entry in entries if fits(entry, device_id, kind)]
    entry = deciding(fitting, device_id, kind)
    if entry is None:
        return otherwise
    why = "the only one that fits" if len(fitting) == 1 else f"the most specific of {len(fitting)} that fit"
    if _outvotes_equals(entry, fitting):
        why += ", and a denial among equals"
    rule = shown(source, entry)
    return Decision(source, entry.allowed, rule, f"the {source}'s rule '{rule.text}' decides: {why}")


def _outvotes_equals(entry: Entitlement, fitting: list[Entitlement]) -> bool:
    equals = (other for other in fitting if specificity(other) == specificity(entry))
    return any(other.allowed != entry.allowed for other in equals)
