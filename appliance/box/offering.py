"""Offering releases: which of those in the store a device should get, and why not a newer one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import ReleaseRow
from appliance.trust.slots import judge_regions, judge_space
from media_format import cose
from media_format.errors import Misuse
from media_format.objects import DeviceKind, Manifest, Request
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class Withheld:
    """A release that would take a device further, but that its request says it cannot install."""

    version: str
    code: Code
    detail: str
    """Why, as the device itself would say it."""

    @property
    def advice(self) -> str:
        """What to do about it."""
        return Refusal(self.code, self.detail).advice


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device should get: nothing where it has the newest, or where nothing newer fits it."""

    release: ReleaseRow | None
    withheld: Withheld | None
    """The newest release, where the device gets an older one, or none, because that does not fit it."""


def offer(transaction: Transaction, request: Request) -> Offer:
    """The newest release in the store that would take the device further and that fits it."""
    kind = DeviceKind(product=request.product, line=request.line, hardware=request.hardware)
    head = request.head.index if request.head else 0
    withheld = None
    for row, found in _offered(transaction, kind):
        if row.release_index <= head:
            break
        try:
            _check_fit(found, request)
        except Refusal as refusal:
            withheld = withheld or Withheld(row.version, refusal.code, refusal.detail)
        else:
            return Offer(row, withheld)
    return Offer(None, withheld)


def newest(transaction: Transaction, kind: DeviceKind) -> ReleaseRow | None:
    """The newest release that the box has for devices of a kind; whether it fits one, its request decides."""
    return next((row for row, _ in _offered(transaction, kind)), None)


def check_release(row: ReleaseRow, request: Request) -> None:
    """Whether a release may be given to this device, in the order in which the device would look.

    Misuse for one that was retired, Refusal(incompatible-hardware), (rollback), (too-large),
    (region-forbidden) or (no-space).
    """
    if row.retired is not None:
        raise Misuse(f"{row.product} {row.version} was retired; import it again to offer it again")
    found = manifest(row)
    same_line = (found.product, found.line) == (request.product, request.line)
    if not same_line or request.hardware not in found.hardware:
        device = f"{request.product}/{request.line} on {request.hardware}"
        raise Refusal(Code.INCOMPATIBLE_HARDWARE, f"{found.product} {found.version} is not for {device}")
    if request.head is not None and found.index < request.head.index:
        raise Refusal(
            Code.ROLLBACK, f"{request.device_id} has confirmed a newer release than {found.version}"
        )
    _check_fit(found, request)


def manifest(row: ReleaseRow) -> Manifest:
    """The manifest of an imported release; it was verified at import."""
    signed = cose.read_sign(row.manifest, Manifest.CONTENT_TYPE, Manifest.LIMIT)
    return Manifest.from_bytes(signed.payload)


def _offered(transaction: Transaction, kind: DeviceKind) -> Iterator[tuple[ReleaseRow, Manifest]]:
    """The releases that the box offers to devices of a kind, the newest first, with their manifests."""
    rows = transaction.scalars(
        select(ReleaseRow)
        .where(ReleaseRow.product == kind.product, ReleaseRow.line == kind.line)
        .where(ReleaseRow.retired.is_(None))
        .order_by(ReleaseRow.release_index.desc())
    )
    for row in rows:
        found = manifest(row)
        if kind.hardware in found.hardware:
            yield row, found


def _check_fit(found: Manifest, request: Request) -> None:
    """Whether a device has memory, slots and room for a release, as its request says."""
    if max(component.chunk_size for component in found.components) > request.largest_chunk:
        raise Refusal(
            Code.TOO_LARGE, f"{request.device_id} has too little memory for the chunks of {found.version}"
        )
    capacities = _capacities(request)
    try:
        judge_regions(found, capacities)
        judge_space(found, capacities)
    except Refusal as refusal:
        detail = f"{request.device_id} cannot install {found.version}: {refusal.detail}"
        raise Refusal(refusal.code, detail) from None


def _capacities(request: Request) -> dict[str, int]:
    """What either bank of each slot can hold, in bytes."""
    found: dict[str, int] = {}
    for report in request.slots:
        found[report.slot] = min(report.capacity, found.get(report.slot, report.capacity))
    return found
