"""Entitlement: whether the vendor's list lets a box serve a device.

Of the entries that fit a device the most specific decides: one id, before a range of ids, before hardware,
before line, before product; among equals a denial. A device that no entry fits is not entitled.
"""

from __future__ import annotations

from collections.abc import Iterable

from media_format.objects import DeviceKind, Entitlement


def deciding(entitlements: Iterable[Entitlement], device_id: str, kind: DeviceKind) -> Entitlement | None:
    """The entry that decides about a device; None where none fits, and so none entitles it."""
    fitting = (entry for entry in entitlements if fits(entry, device_id, kind))
    return max(fitting, key=lambda entry: (*specificity(entry), not entry.allowed), default=None)


def fits(entry: Entitlement, device_id: str, kind: DeviceKind) -> bool:
    """Whether a device fits all that an entry names."""
    named = ((entry.product, kind.product), (entry.line, kind.line), (entry.hardware, kind.hardware))
    if any(wanted is not None and wanted != found for wanted, found in named):
        return False
    return entry.first is None or entry.last is None or in_range(device_id, entry.first, entry.last)


def in_range(device_id: str, first: str, last: str) -> bool:
    """Whether an id has the length of a range's ends and lies between them, compared byte by byte."""
    own, low, high = device_id.encode(), first.encode(), last.encode()
    return len(own) == len(low) and low <= own <= high


def specificity(entry: Entitlement) -> tuple[bool, ...]:
    """How narrowly an entry names devices; the greater decides."""
    ranged = entry.first is not None
    named = (entry.hardware, entry.line, entry.product)
    return (ranged and entry.first == entry.last, ranged, *(selector is not None for selector in named))
