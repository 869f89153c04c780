"""Checking the whole store: database, every byte of the sealed packages, ledger, receipts, devices, people.

Nothing is changed, and no key is used: packages are held against the digests that were kept at import, when
every chunk of them was verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, text

from appliance.box import auditing, identity, rules, scratch, users
from appliance.box.device_check import check_devices
from appliance.box.faults import DATABASE, FaultCode
from appliance.box.machine import Machine
from appliance.box.package_volume import KeptFile
from appliance.box.receipt_check import check_receipts
from appliance.box.remembered import Remembered
from appliance.box.schema import ReleaseRow
from appliance.box.schema_check import check_schema
from appliance.box.settings import SETTINGS
from appliance.trust.manifest import verify_manifest
from media_format.errors import MachineFault, Misuse
from media_format.objects import Manifest, TrustAnchor
from media_format.progress import Progress, Report
from media_format.refusal import Refusal

_PHASE: Final = "check"
_RESTORE: Final = "put back a backup (updatebox box restore), or make the box anew (updatebox box init)"
_IMPORT: Final = "import the release again"
_ENOUGH: Final = 100
"""Findings about the database that are told of."""
_AT_ONCE: Final = 8
"""Releases that are in memory at once, with their manifests."""


@dataclass(frozen=True, slots=True)
class StoreFinding:
    """One thing that was found: where, what, what to do next. `wrong` is False for what is merely untidy."""

    place: str
    problem: str
    advice: str
    wrong: bool = True


def check(machine: Machine, report: Report) -> tuple[StoreFinding, ...]:
    """As `BoxService.check`."""
    parts: tuple[Callable[[], Iterator[StoreFinding]], ...] = (
        lambda: _database(machine),
        lambda: _releases(machine),
        lambda: _Packages(machine, report).findings(),
        lambda: _leftovers(machine),
        lambda: _ledger(machine),
        lambda: _receipts(machine),
        lambda: _devices(machine),
        lambda: _people(machine),
        lambda: _settings(machine),
        lambda: _lists(machine),
    )
    return tuple(finding for part in parts for finding in _guarded(part))


def _guarded(part: Callable[[], Iterator[StoreFinding]]) -> Iterator[StoreFinding]:
    """What a part finds; where it cannot go on, that is a finding too, and the other parts are looked at."""
    try:
        yield from part()
    except MachineFault as fault:
        yield StoreFinding(DATABASE, fault.detail, fault.advice or _RESTORE)


def _database(machine: Machine) -> Iterator[StoreFinding]:
    with machine.store.reading() as transaction:
        for problem in transaction.scalars(text(f"PRAGMA integrity_check({_ENOUGH})")):
            if problem != "ok":
                yield StoreFinding(DATABASE, str(problem), _RESTORE)
        broken = transaction.execute(text("PRAGMA foreign_key_check")).fetchmany(_ENOUGH)
        for table, row, parent, _ in broken:
            yield StoreFinding(
                f"{DATABASE}, {table} row {row}", f"it refers to nothing in {parent}", _RESTORE
            )
        for place, problem in check_schema(transaction):
            yield StoreFinding(f"{DATABASE}, {place}", problem, _RESTORE)


def _releases(machine: Machine) -> Iterator[StoreFinding]:
    """Whether every release in the database is what the vendor signed."""
    own = machine.own_or_none()
    if own is None:
        return
    with machine.store.reading() as transaction:
        rows = select(ReleaseRow).order_by(ReleaseRow.manifest_digest).execution_options(yield_per=_AT_ONCE)
        for row in transaction.scalars(rows):
            problem = _release_problem(row, own.bundle.anchor)
            if problem:
                yield StoreFinding(f"{DATABASE}, release {row.manifest_digest.hex()}", problem, _RESTORE)


def _release_problem(row: ReleaseRow, anchor: TrustAnchor) -> str | None:
    try:
        verified = verify_manifest(row.manifest, anchor)
    except Refusal as refusal:
        return str(refusal)
    if verified.digest != row.manifest_digest or _named(verified.manifest) != (
        *(row.product, row.line, row.version, row.release_index),
    ):
        return "the database says something else of it than its manifest"
    return None


def _named(manifest: Manifest) -> tuple[str, str, str, int]:
    return manifest.product, manifest.line, manifest.version, manifest.index


class _Packages:
    """The files of the releases that are offered, held against what was written at import."""

    def __init__(self, machine: Machine, report: Report) -> None:
        self._store = machine.store
        self._report = report
        self._done = 0
        with self._store.reading() as transaction:
            named = select(ReleaseRow.package_id, ReleaseRow.product, ReleaseRow.version)
            offered = named.where(ReleaseRow.retired.is_(None)).order_by(ReleaseRow.imported)
            self._names = {
                package_id: f"{product} {version}"
                for package_id, product, version in transaction.execute(offered)
            }
        self._files = {package_id: self._store.kept_files(package_id) for package_id in self._names}
        self._total = sum(file.size for files in self._files.values() for file in files)

    def findings(self) -> Iterator[StoreFinding]:
        for package_id, files in self._files.items():
            try:
                with self._store.sealed.reading(package_id):
                    yield from self._of_package(package_id, files)
            except MachineFault as fault:
                if fault.code != FaultCode.PACKAGE_MISSING:
                    raise
                yield StoreFinding(self._place(package_id), "its package is missing", _IMPORT)

    def _of_package(self, package_id: bytes, files: tuple[KeptFile, ...]) -> Iterator[StoreFinding]:
        place = self._place(package_id)
        if not files:
            problem = "it was imported by older software, so its bytes cannot be checked without keys"
            yield StoreFinding(place, problem, _IMPORT, wrong=False)
            return
        for file in files:
            began = self._done
            try:
                self._store.sealed.check_bytes(package_id, file, self._advance)
            except MachineFault as fault:
                yield StoreFinding(place, fault.detail, _IMPORT)
            self._done = began + file.size
        known = {file.name for file in files}
        for name in self._store.sealed.files(package_id):
            if name not in known:
                yield StoreFinding(place, f"{name} is none of its files", f"remove {name} from its folder")

    def _place(self, package_id: bytes) -> str:
        return f"packages/{package_id.hex()} ({self._names[package_id]})"

    def _advance(self, count: int) -> None:
        self._done += count
        self._report(Progress(_PHASE, self._done, self._total))


def _leftovers(machine: Machine) -> Iterator[StoreFinding]:
    """What no release needs: of an import that was cut off or goes on, or read when it was retired."""
    if machine.store.sealed.path.is_symlink():
        advice = "move what it leads to into a folder here, or mount a file system here"
        yield StoreFinding("packages", "it is a link, and who may change where it leads is not known", advice)
    with machine.store.reading() as transaction:
        offered = select(ReleaseRow.package_id).where(ReleaseRow.retired.is_(None))
        known = {package_id.hex() for package_id in transaction.scalars(offered)}
    for name in machine.store.sealed.names():
        if name not in known:
            advice = "nothing needs to be done: the next import, or retirement, removes it"
            yield StoreFinding(f"packages/{name}", "no release needs it", advice, wrong=False)
    for name in scratch.abandoned(machine.folder):
        problem = "a backup or restore that was cut off left it"
        advice = "nothing needs to be done: the next one, or the next import, removes it"
        yield StoreFinding(name, problem, advice, wrong=False)


def _ledger(machine: Machine) -> Iterator[StoreFinding]:
    state = auditing.check_ledger(machine)
    if state.place is not None:
        advice = (
            "compare it with the newest export (updatebox box export --ledger), and find out who did this"
        )
        yield StoreFinding(f"ledger, entry {state.place}", state.problem or "it is not right", advice)


def _receipts(machine: Machine) -> Iterator[StoreFinding]:
    if machine.own_or_none() is None:
        return  # Nobody's receipts can be in it yet.
    advice = "compare it with the newest export (updatebox box export --receipts), and find out who did this"
    for finding in check_receipts(machine):
        place = f"receipt {finding.counter} of {finding.device_id}, epoch {finding.epoch}"
        yield StoreFinding(place, finding.problem, advice)


def _devices(machine: Machine) -> Iterator[StoreFinding]:
    own = machine.own_or_none()
    if own is None:
        return
    with machine.store.reading() as transaction:
        for place, problem in check_devices(transaction, own.bundle.anchor):
            yield StoreFinding(f"{DATABASE}, {place}", problem, _RESTORE)


def _people(machine: Machine) -> Iterator[StoreFinding]:
    return _remembered(machine, users.PEOPLE)


def _settings(machine: Machine) -> Iterator[StoreFinding]:
    yield from _remembered(machine, SETTINGS)
    with machine.store.reading() as transaction:
        for entry in rules.own(transaction):
            problem = rules.problem(entry)
            if problem is not None:
                advice = "put it right in a copy of the rules, and read that (box rules --export, --import)"
                yield StoreFinding("rules", f"one of them is none: {problem}", advice)


def _remembered(machine: Machine, rows: Remembered) -> Iterator[StoreFinding]:
    """Whether the rows are those that the TPM remembers."""
    try:
        with machine.store.reading() as transaction:
            rows.check(transaction, machine.tpm)
    except Refusal as refusal:
        yield StoreFinding(rows.name, refusal.detail, refusal.advice)


def _lists(machine: Machine) -> Iterator[StoreFinding]:
    """Whether the certificates and revocation lists can be read."""
    try:
        own = identity.load(machine.folder, machine.tpm, machine.configuration.id)
    except Misuse:
        return  # A box without certificates says so wherever it needs them.
    except Refusal as refusal:
        yield StoreFinding(identity.BUNDLE, str(refusal), "install the vendor's answer again (box certs)")
    else:
        machine.store.lists(own.bundle)
