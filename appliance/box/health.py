"""The health of a box, for one look."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from sqlalchemy import func, select

from appliance.box.machine import Machine
from appliance.box.schema import DeviceRow, ReleaseRow
from appliance.tpm import TpmStatus
from appliance.trust.chain import ExpiryWarning, expiry_warnings
from appliance.trust.clock import TrustedTime


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """The health of a box."""

    id: str
    vendor: str | None
    time: TrustedTime | None
    time_problem: str | None
    tpm: TpmStatus
    releases: int
    devices: int
    warnings: tuple[ExpiryWarning, ...]
    free: int
    """Bytes free where the store is."""
    time_advice: str | None = None
    """What to do about a clock that is not trusted."""
    revoked: bool = False
    """Whether the vendor revoked this box: it does nothing any more."""
    packages: int = 0
    """Bytes of the sealed packages."""
    quota: int = 0
    """Bytes that they may take; 0 where box.toml sets no bound."""


def status(machine: Machine) -> BoxStatus:
    """The health of a box now."""
    own = machine.own_or_none()
    time, problem, advice = machine.time_or_problem(own)
    warnings: tuple[ExpiryWarning, ...] = ()
    if own is not None and time is not None:
        warnings = expiry_warnings(own.signing, time.time) + expiry_warnings(own.transport, time.time)
    with machine.store.reading() as transaction:
        offered = select(func.count()).select_from(ReleaseRow).where(ReleaseRow.retired.is_(None))
        releases = transaction.scalar(offered) or 0
        devices = transaction.scalar(select(func.count()).select_from(DeviceRow)) or 0
    return BoxStatus(
        id=machine.configuration.id,
        vendor=own.bundle.anchor.vendor if own else None,
        time=time,
        time_problem=problem,
        tpm=machine.tpm.status(),
        releases=releases,
        devices=devices,
        warnings=warnings,
        free=shutil.disk_usage(machine.folder).free,
        time_advice=advice,
        revoked=own is not None and machine.is_revoked(own),
        packages=sum(map(machine.store.sealed.size, machine.store.sealed.names())),
        quota=machine.configuration.quota,
    )
