"""Room for sealed packages: the quota in box.toml, and the last of the disk, which is not theirs."""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import Final

from sqlalchemy import select

from appliance.box import faults
from appliance.box.faults import FaultCode
from appliance.box.machine import Machine
from appliance.box.schema import ReleaseRow

RESERVE: Final = 16 * 1024 * 1024
"""Bytes of the disk that packages leave free: database and soft TPM go on working, so room can be made."""


def check(machine: Machine, needed: int) -> None:
    """Whether `needed` more bytes of packages may be kept. MachineFault(store-quota) or (store-full)."""
    quota, sealed = machine.configuration.quota, machine.store.sealed
    used = sum(map(sealed.size, sealed.names())) if quota else 0
    if quota and used + needed > quota:
        detail = f"the packages would take {used + needed} bytes, and box.toml allows {quota}"
        raise faults.fault(machine.folder, FaultCode.QUOTA, f"{detail}{_superseded(machine)}")
    free = shutil.disk_usage(machine.folder).free
    if needed + RESERVE > free:
        detail = (
            f"{machine.folder}: the package takes {needed} bytes, {max(0, free - RESERVE)} are free for it"
        )
        raise faults.fault(machine.folder, FaultCode.FULL, f"{detail}{_superseded(machine)}")


def _superseded(machine: Machine) -> str:
    """The oldest release that a newer one of its line stands in for, in words."""
    newest = (ReleaseRow.product, ReleaseRow.line, ReleaseRow.release_index.desc())
    with machine.store.reading() as transaction:
        rows = transaction.scalars(
            select(ReleaseRow).where(ReleaseRow.retired.is_(None)).order_by(*newest)
        ).all()
    older = [
        row for before, row in pairwise(rows) if (before.product, before.line) == (row.product, row.line)
    ]
    if not older:
        return ""
    row = min(older, key=lambda row: row.imported)
    return (
        f"; {row.product} {row.version} has a newer release beside it: --release {row.manifest_digest.hex()}"
    )
