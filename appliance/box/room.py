"""Room for sealed packages: the quota in box.toml, and the last of the disk, which is not theirs."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Final

from sqlalchemy import select

from appliance.box import faults
from appliance.box.faults import FaultCode
from appliance.box.machine import Machine
from appliance.box.schema import ReleaseRow
from appliance.box.sealed import SealedPackages
from media_format.errors import MachineFault

RESERVE: Final = 16 * 1024 * 1024
"""Bytes of the disk that packages leave free: database and soft TPM go on working, so room can be made."""


def check(machine: Machine, needed: int) -> None:
    """Whether `needed` more bytes of packages may be kept. MachineFault(store-quota) or (store-full)."""
    try:
        check_quota(machine.folder, machine.configuration.quota, needed)
        check_disk(machine.store.sealed.path, needed)
    except MachineFault as fault:
        detail = f"{fault.detail}{_superseded(machine)}"
        raise faults.fault(machine.folder, FaultCode(fault.code), detail) from None


def check_quota(folder: Path, quota: int, needed: int) -> None:
    """Whether the quota of the box in `folder` lets it keep so many bytes more. MachineFault(store-quota)."""
    sealed = SealedPackages(folder)
    used = sum(map(sealed.size, sealed.names())) if quota else 0
    if quota and used + needed > quota:
        detail = f"the packages would take {used + needed} bytes, and box.toml allows {quota}"
        raise faults.fault(folder, FaultCode.QUOTA, detail)


def check_disk(packages: Path, needed: int) -> None:
    """Whether the disk on which packages lie has room for so many bytes more. MachineFault(store-full)."""
    with faults.naming_system(packages):
        free = shutil.disk_usage(packages).free
    if needed + RESERVE > free:
        detail = f"{packages}: the package takes {needed} bytes, {max(0, free - RESERVE)} are free for it"
        advice = f"make room on the disk of {packages}, then do it again; nothing is lost"
        raise MachineFault(detail, code=FaultCode.FULL, advice=advice)


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
