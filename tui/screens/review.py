"""Review: who gets which release, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from textual.binding import Binding
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Label, Static

from appliance.box import Admission, MediumReport, Refusal, ReleaseInfo, Withheld
from tui import texts
from tui.bays import Bay
from tui.screens.frame import HELP, Frame
from tui.widgets.tick import Tick
from tui.words import amount, clean, day

_NO_END: Final = 253402300799
"""9999-12-31 23:59:59: a certificate that does not expire (RFC 5280, section 4.1.2.5)."""


class ReviewScreen(Frame[tuple[str, ...]]):
    """Ends with the devices to write for; with none where the person went back."""

    HEADING = texts.REVIEW_TITLE
    KEYS = (
        Binding("enter", "write", texts.WRITE_KEY),
        Binding("escape", "back", texts.BACK_KEY),
        HELP,
    )
    BINDINGS = list(KEYS)  # noqa: RUF012  # Textual's own form
    AUTO_FOCUS = "#do-write"

    def __init__(self, bay: Bay, releases: tuple[ReleaseInfo, ...]) -> None:
        super().__init__()
        assert bay.report is not None
        self._path = bay.path
        self._report: MediumReport = bay.report
        self._releases = {release.manifest_digest: release for release in releases}

    def body(self) -> Iterator[Widget]:
        waiting = self._report.waiting or self._report.servable
        ticks = [
            Tick(self._described(found), found.device_id or "", marked=found in waiting)
            for found in sorted(self._report.servable, key=lambda found: found.device_id or "")
        ]
        others = [_not_served(found) for found in self._report.requests if found not in self._report.servable]
        refused = Static("\n".join(others), id="others", markup=False)
        refused.display = bool(others)
        yield Vertical(*ticks, refused, id="review")
        yield Label(texts.REVIEW_HINT if len(ticks) > 1 else "", id="notice", markup=False)
        yield Static(texts.REVIEW_CHECKS, id="checks")

    def show(self, bays: Mapping[Path, Bay]) -> None:
        if self._path not in bays:
            self.dismiss(())

    def action_write(self) -> None:
        devices = tuple(tick.value for tick in self.query(Tick) if tick.marked)
        if devices:
            self.dismiss(devices)
        else:
            self.query_one("#notice", Label).update(texts.REVIEW_NONE)

    def action_back(self) -> None:
        self.dismiss(())

    def _described(self, found: Admission) -> str:
        versions = texts.REVIEW_VERSIONS.format(
            device=found.device_id,
            product=found.product,
            running=found.version or texts.REVIEW_NO_RELEASE,
            release=found.release_version,
        )
        until = found.certified_until
        ends = until is not None and until < _NO_END
        certificate = texts.REVIEW_UNTIL.format(day=day(until or 0)) if ends else texts.REVIEW_NO_END
        lines = [versions, texts.REVIEW_DETAIL.format(counter=found.counter, certificate=certificate)]
        if found not in self._report.waiting:
            lines.append(texts.REVIEW_ANSWERED)
        if found.withheld is not None:
            lines.append(_withheld(found.withheld))
        release = self._releases.get(found.release or b"")
        if release:
            lines.append(texts.REVIEW_NOTES.format(size=amount(release.size), notes=release.notes or ""))
        return "\n".join(clean(line) for line in lines)


def _not_served(found: Admission) -> str:
    name = clean(found.device_id or found.file)
    if found.withheld is not None:
        return f"{name}: {_withheld(found.withheld)}"
    if found.unconfirmed is not None:
        return clean(texts.REVIEW_UNCONFIRMED.format(device=name, release=found.unconfirmed))
    if found.code is None:
        return texts.REVIEW_NEWEST.format(device=name)
    advice = Refusal(found.code, found.detail).advice
    return texts.REVIEW_REFUSED.format(name=name, advice=advice, code=found.code)


def _withheld(found: Withheld) -> str:
    return clean(texts.REVIEW_WITHHELD.format(release=found.version, advice=found.advice, code=found.code))
