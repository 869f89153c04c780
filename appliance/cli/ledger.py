"""updatebox box ledger: what was done at a box, and whether that is all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from appliance.box import LedgerEntry, LedgerQuery, LedgerState
from appliance.cli.answer import Answer, answering
from appliance.cli.box_parts import FOLDER, open_box
from appliance.cli.files import naming, read_file, reading
from appliance.cli.quantities import NUMBER, Moment
from appliance.cli.table import folded
from appliance.trust.auditing import LedgerAudit, audit
from appliance.trust.bundle import MAX_BUNDLE, Bundle
from appliance.trust.clock import moment
from media_format.errors import Misuse

_PAGE: Final = 100


@click.command("ledger")
@FOLDER
@click.option("--verify", is_flag=True, help="Check the whole chain of entries instead.")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="With --verify: check an exported ledger (updatebox box export --ledger); no box is needed.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="With --file: any file of the vendor's that holds its trust anchor, in PEM.",
)
@click.option("--act", help="Only this act, for instance write.")
@click.option("--who", help="Only what this person did.")
@click.option("--about", help="Only entries whose detail holds this text: a device, a version.")
@click.option("--since", type=Moment(), help="Only from this time on.")
@click.option("--until", type=Moment(), help="Only up to this time.")
@click.option("--before", type=NUMBER, metavar="N", help="Only entries before this one: the next page.")
@click.option("--limit", type=NUMBER, default=_PAGE, show_default=True, help="At most so many.")
@answering
def ledger(
    directory: Path,
    verify: bool,
    file: Path | None,
    key: Path | None,
    act: str | None,
    who: str | None,
    about: str | None,
    since: int | None,
    until: int | None,
    before: int | None,
    limit: int,
) -> Answer:
    """List what was done at this box, the newest first, or check that nothing of it was changed."""
    if file is not None or key is not None:
        if file is None or key is None or not verify:
            raise Misuse("an exported ledger is checked with --verify --file FILE --key FILE")
        return _audited(file, key)
    service = open_box(directory)
    if verify:
        return _verified(service.check_ledger())
    found = service.search_ledger(LedgerQuery(act, who, about, since, until, before, limit))
    if not found and act is not None and act not in service.ledger_acts():
        text = (
            f"There are no entries of the act {act!r}. There are some of: {', '.join(service.ledger_acts())}."
        )
        return Answer({"entries": found}, text)
    more = [f"Older ones: --before {found[-1].sequence}"] if len(found) == limit else []
    return Answer({"entries": found}, "\n".join([*map(_line, found), *more]) or "There are no such entries.")


def _line(entry: LedgerEntry) -> str:
    done = f"{entry.sequence:>6}  {moment(entry.time)}  {entry.who:<14} {entry.act:<10}"
    return folded(f"{done} {entry.detail}", 8)


def _verified(state: LedgerState) -> Answer:
    lines = [f"Entry {finding.place}: {finding.problem}." for finding in state.findings]
    if not lines:
        lines = [f"{state.entries} entries, all right.", *_reach(state.signed, state.entries)]
    lines += _unconfirmed(state.unconfirmed)
    return Answer({"ledger": state}, "\n".join(lines), 1 if state.findings else 0)


def _unconfirmed(count: int) -> list[str]:
    if not count:
        return []
    said = "The last entry is" if count == 1 else f"The last {count} entries are"
    return [
        f"{said} not known to the TPM: a program was cut off before it could say so, or somebody else wrote "
        "to the database. The next act takes over what is there, so look at it before."
    ]


def _reach(signed: int, entries: int) -> list[str]:
    """Up to where the box's signatures reach."""
    if signed == entries:
        return ["The box has signed all of them."]
    return [f"The box has signed them up to entry {signed}; those after it hang on the TPM's memory alone."]


def _audited(file: Path, key: Path) -> Answer:
    with naming(key):
        trusted = Bundle.from_pem(read_file(key, MAX_BUNDLE))
    with naming(file), reading(file) as opened:
        found = audit(opened, trusted)
    lines = [f"Entry {finding.place}: {finding.problem}." for finding in found.findings]
    if not lines:
        lines = [f"{found.entries} entries of {found.box}, a box of {found.vendor}, all right.", _end(found)]
    return Answer({"audit": found}, "\n".join(lines), 1 if found.findings else 0)


def _end(found: LedgerAudit) -> str:
    if found.whole:
        return "The last one is the box's signed word that this is all up to then."
    return (
        f"NO SIGNED END: the box has signed them up to entry {found.signed}; what came after that could have "
        "been changed or cut off. Have it exported with --signed."
    )
