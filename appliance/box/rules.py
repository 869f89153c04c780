"""Who may be updated here: the box's own rules, and with them the vendor's list where there is one.

Of the rules that fit a device the most specific decides, among equals a denial; where none fits, the box's
default. The vendor's list is judged the same way, except that a device which none of it fits is not entitled.
Both must allow the device.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import product
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session as Transaction

from appliance.box import entitlements
from appliance.box.schema import RuleRow
from appliance.trust.entitlement import deciding, fits, specificity
from media_format.errors import MachineFault
from media_format.objects import DeviceKind, Entitlement
from media_format.refusal import Refusal

_SELECTORS: Final = ("product", "line", "hardware", "first", "last")


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


@dataclass(frozen=True)
class Rules:
    """All the rules at a box. `allow_by_default` decides where none of the box's own fits.

    To be read once for many devices: of many rules it looks only at those that can fit one.
    """

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
        own = _decision(RuleSource.BOX, self._own.fitting(device_id, kind), device_id, kind, unruled)
        if self.vendor is None:
            return Verdict(device_id, own, None)
        unlisted = Decision(RuleSource.VENDOR, False, None, "the vendor's list does not name it")
        fitting = self._vendor.fitting(device_id, kind)
        return Verdict(device_id, own, _decision(RuleSource.VENDOR, fitting, device_id, kind, unlisted))

    def listed(self) -> tuple[Rule, ...]:
        """Every rule: the box's own, then the vendor's."""
        own = tuple(shown(RuleSource.BOX, entry) for entry in self.own)
        return own + tuple(shown(RuleSource.VENDOR, entry) for entry in self.vendor or ())

    @cached_property
    def _own(self) -> _Sorted:
        return _Sorted(self.own)

    @cached_property
    def _vendor(self) -> _Sorted:
        return _Sorted(self.vendor or ())


class _Sorted:
    """Rules, sorted by what they name: by the id, or the length of the ids, where they name any."""

    def __init__(self, entries: Iterable[Entitlement]) -> None:
        self._places: dict[tuple[str | int | None, ...], list[Entitlement]] = {}
        for entry in entries:
            ids = entry.first if entry.first is None or entry.first == entry.last else _length(entry.first)
            place = entry.product, entry.line, entry.hardware, ids
            self._places.setdefault(place, []).append(entry)

    def fitting(self, device_id: str, kind: DeviceKind) -> list[Entitlement]:
        """Those that fit a device."""
        named = (None, kind.product), (None, kind.line), (None, kind.hardware)
        places = product(*named, (None, device_id, _length(device_id)))
        return [
            entry for place in places for entry in self._places.get(place, ()) if fits(entry, device_id, kind)
        ]


def held(transaction: Transaction, *, allow_by_default: bool) -> Rules:
    """The rules in the store. MachineFault where the vendor's list is damaged."""
    return Rules(own(transaction), entitlements.held(transaction), allow_by_default)


def own(transaction: Transaction) -> tuple[Entitlement, ...]:
    """The box's own rules, in the order of what they select."""
    # Columns, not rows: what the database holds, and not what this transaction meant to write.
    columns = [getattr(RuleRow, name) for name in _SELECTORS]
    rows = transaction.execute(select(RuleRow.allowed, *columns).order_by(*columns))
    return tuple(_entry(bool(allowed), selectors) for allowed, *selectors in rows)


def put(transaction: Transaction, entry: Entitlement) -> None:
    """Make a rule, in the place of the one that selects the same.

    MachineFault where the database does not hold it then, or not the others any more.
    """
    _write(transaction, [entry], {**_by_selectors(own(transaction)), **_by_selectors([entry])})


def replace(transaction: Transaction, entries: Iterable[Entitlement]) -> None:
    """Put rules in the place of all that the box had; the vendor's stay. MachineFault as from `put`."""
    transaction.execute(delete(RuleRow))
    wanted = _by_selectors(entries)
    _write(transaction, wanted.values(), wanted)


def adopt(transaction: Transaction, theirs: Iterable[Entitlement]) -> int:
    """Take over another box's rules that deny, where this box has none for the same devices.

    Nobody signed them: those that allow are left, and those that are none; returns how many. MachineFault as
    from `put`.
    """
    found, held = tuple(theirs), _by_selectors(own(transaction))
    denials = _by_selectors(entry for entry in found if not entry.allowed and problem(entry) is None)
    new = {selectors: entry for selectors, entry in denials.items() if selectors not in held}
    _write(transaction, new.values(), held | new)
    return len(found) - len(denials)


def problem(entry: Entitlement) -> str | None:
    """Why what the database holds is no rule, as nobody could make one; None for a rule."""
    try:
        Entitlement.from_bytes(entry.to_bytes())
    except Refusal as refusal:
        return refusal.detail
    return None


def _write(
    transaction: Transaction, entries: Iterable[Entitlement], wanted: dict[tuple[str, ...], Entitlement]
) -> None:
    """Write rules, and see that the database holds those that are `wanted` then.

    What it takes for the same rule, its schema says, which is not signed.
    """
    rows = [
        {**dict(zip(_SELECTORS, selectors, strict=True)), "allowed": int(entry.allowed)}
        for selectors, entry in _by_selectors(entries).items()
    ]
    if rows:
        transaction.execute(insert(RuleRow).prefix_with("OR REPLACE"), rows)
    if set(own(transaction)) != set(wanted.values()):
        raise MachineFault(
            "the rules in box.db are not those that were written there; see what is wrong with it"
            " (updatebox box status --check)"
        )


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


def _entry(allowed: bool, selectors: list[str]) -> Entitlement:
    named: dict[str, Any] = {name: value or None for name, value in zip(_SELECTORS, selectors, strict=True)}
    return Entitlement(allowed=allowed, **named)


def _length(device_id: str) -> int:
    return len(device_id.encode())


def _by_selectors(entries: Iterable[Entitlement]) -> dict[tuple[str, ...], Entitlement]:
    """Rules by what they select, as the columns say it; of several for the same, the last."""
    return {tuple(getattr(entry, name) or "" for name in _SELECTORS): entry for entry in entries}


def _decision(
    source: RuleSource, fitting: list[Entitlement], device_id: str, kind: DeviceKind, otherwise: Decision
) -> Decision:
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
