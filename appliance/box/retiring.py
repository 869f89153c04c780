"""Retiring releases: they are not offered any more and their packages go; an import brings them back."""

from __future__ import annotations

from sqlalchemy import delete, select

from appliance.box import importing, scratch
from appliance.box.importing import ReleaseInfo
from appliance.box.machine import Machine
from appliance.box.schema import PackageFileRow, ReleaseRow
from appliance.box.users import Session, UserRole
from media_format.errors import Misuse


def retire(machine: Machine, release: bytes, session: Session) -> ReleaseInfo:
    """As `BoxService.retire`."""
    session.require(UserRole.SUPERVISOR)
    with machine.store.reserve.lent(), machine.store.importing():
        with machine.store.reading() as transaction:
            row = transaction.get(ReleaseRow, release)
        if row is None:
            raise Misuse(f"the box has no release {release.hex()}; see: updatebox box releases")
        if row.retired is None:
            with machine.acting(session, "retire", f"{row.product} {row.version}") as transaction:
                row = transaction.merge(row)
                row.retired = machine.ledger_time().time
                transaction.execute(delete(PackageFileRow).where(PackageFileRow.package_id == row.package_id))
        collect_garbage(machine)
    return importing.info(row)


def collect_garbage(machine: Machine) -> None:
    """Remove the packages of retired releases and what was left of work that was cut off.

    What a write reads at this moment is left for the next time. The caller holds `Store.importing`.
    """
    scratch.clear(machine.folder)
    sealed = machine.store.sealed
    with machine.store.reading() as transaction:
        offered = select(ReleaseRow.package_id).where(ReleaseRow.retired.is_(None))
        kept = {package_id.hex() for package_id in transaction.scalars(offered)}
    removed, freed = 0, 0
    for name in sealed.names():
        if name not in kept:
            size = sealed.size(name)
            if sealed.remove(name):
                removed, freed = removed + 1, freed + size
    if removed:
        # Afterwards: on a disk that is full the line finds room only where something was removed.
        detail = f"{removed} packages that nobody needs were removed, {freed} bytes"
        with machine.ledger.entry(machine.ledger_time(), "tidy", detail):
            pass
