"""The work on a medium: each job runs in a thread, asks the box, and ends with an outcome in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from appliance.box import (
    BoxService,
    Cancel,
    CollectedReceipt,
    MachineFault,
    Misuse,
    Progress,
    ReceiptInfo,
    Refusal,
    Session,
    Written,
)
from tui import texts
from tui.bays import Outcome
from tui.words import amount, clean, listed

Report = Callable[[Progress], None]
Job = Callable[[Report], Outcome]


def writing(
    service: BoxService, path: Path, devices: tuple[str, ...], session: Session, cancelled: Callable[[], bool]
) -> Job:
    """Take in the receipts on the medium, then write for these devices.

    Receipts come first because a package tells its device which of them arrived.
    """

    def job(report: Report) -> Outcome:
        service.collect(path)
        service.admit(path)
        result = service.write(path, devices, session, report, cancelled=cancelled)
        lines = [written_words(package) for package in result.packages]
        return Outcome(True, texts.SAFE, "\n".join([*lines, "", texts.SAFE_NEXT]), result.packages)

    return job


def collecting(service: BoxService, path: Path) -> Job:
    """Take in the receipts on the medium."""

    def job(_report: Report) -> Outcome:
        found = service.collect(path)
        new = [entry.receipt for entry in found if entry.new and entry.receipt]
        lines = [receipt_words(receipt) for receipt in new]
        lines += [_refused_words(entry) for entry in found if entry.refusal]
        head = texts.COLLECTED_ONE if len(new) == 1 else texts.COLLECTED.format(count=len(new))
        return Outcome(bool(new), texts.COLLECTED_HEADING, "\n".join([head, "", *lines]))

    return job


def importing(service: BoxService, path: Path, session: Session) -> Job:
    """Take in the releases on the medium."""

    def job(report: Report) -> Outcome:
        found = service.import_release(path, session, report)
        names = listed(tuple(f"{release.product} {release.version}" for release in found))
        return Outcome(True, texts.IMPORTED_HEADING, f"{texts.IMPORTED.format(names=names)}")

    return job


def ending(service: BoxService, job: Job, report: Report) -> Outcome:
    """Run a job to its end. Nothing it raises gets past here: the kiosk lives on and says what happened."""
    try:
        return job(report)
    except Cancel:
        return Outcome(False, texts.CANCELLED_HEADING, texts.CANCELLED)
    except Exception as error:
        return Outcome(False, texts.STOPPED, failure(service, error))


def failure(service: BoxService, error: Exception) -> str:
    """What went wrong and what to do; what nobody foresaw also goes into the ledger."""
    if isinstance(error, Refusal):
        return f"{error.advice}\n({clean(str(error))})"
    if isinstance(error, Misuse | MachineFault):
        return clean(str(error))
    what = clean(f"{type(error).__name__}: {error}")[:200]
    try:
        service.record_fault(f"kiosk: {what}")
    except Exception as second:  # the ledger may be what is broken
        what = f"{what}; {clean(str(second))}"
    return f"{texts.FAULT}\n({what})"


def written_words(package: Written) -> str:
    """A package on the medium."""
    read_back = texts.READ_BACK[str(package.read_back)]
    return texts.WRITTEN.format(
        version=clean(package.version),
        devices=listed(package.devices),
        size=amount(package.size),
        read_back=read_back,
    )


def receipt_words(receipt: ReceiptInfo) -> str:
    """What a device reported, in a line or two."""
    outcome = texts.OUTCOMES.get(receipt.outcome, receipt.outcome)
    versions = f"{receipt.version_before or '-'} → {receipt.version_after or '-'}"
    said = f"{receipt.device_id}: {outcome}, {versions}"
    return f"{said}\n  {receipt.advice} ({receipt.code})" if receipt.code else said


def _refused_words(entry: CollectedReceipt) -> str:
    return texts.RECEIPT_REFUSED.format(
        file=clean(entry.file), code=entry.refusal, detail=clean(entry.detail)
    )
