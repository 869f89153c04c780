"""A box whose writing goes on only when the test lets it: a slow stick."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from appliance.box import BoxService, Session, WriteResult
from media_format.progress import Progress, Report
from tests.tui.template import Place, now


class SlowBox(BoxService):
    """Writes as every box does, but waits after its first step until `go_on`."""

    def slow_down(self) -> None:
        self._may_go_on = threading.Event()
        self._begun = threading.Event()

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def go_on(self) -> None:
        self._may_go_on.set()

    def write(
        self,
        medium: Path,
        devices: tuple[str, ...],
        session: Session,
        report: Report,
        **options: Any,
    ) -> WriteResult:
        def waiting(progress: Progress) -> None:
            report(progress)
            self._begun.set()
            assert self._may_go_on.wait(60)

        return super().write(medium, devices, session, waiting, **options)


def slow_box(place: Place) -> SlowBox:
    """The place's box, slow."""
    service = SlowBox.open(place.box, now=now)
    assert isinstance(service, SlowBox)
    service.slow_down()
    return service
