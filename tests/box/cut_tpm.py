"""A box that is cut off at one call of its TPM."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from appliance.box import BoxService
from appliance.box.configuration import Configuration
from appliance.box.machine import Machine
from appliance.box.store import Store
from appliance.tpm import Tpm, open_tpm
from tests.workshop import TPM, Box, now

Change = Callable[[BoxService, Box], None]
"""Something that is done at a box."""


class Cut(BaseException):
    """The process ends here."""


class CutTpm:
    """A TPM whose user is killed just before its call number `fatal`; 0 for never."""

    def __init__(self, tpm: Tpm, fatal: int) -> None:
        self._tpm = tpm
        self._fatal = fatal
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._tpm, name)

        def counted(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls == self._fatal:
                raise Cut
            return call(*arguments)

        return counted


def cut_off(box: Box, do: Change, fatal: int) -> int:
    """Make a change and be killed at a call of the TPM; how many calls there were."""
    tpm = CutTpm(open_tpm(TPM, create=False, now=now, folder=box.folder), fatal)
    machine = Machine(box.folder, Configuration.load(box.folder), tpm, Store(box.folder))
    with suppress(Cut):
        do(BoxService(machine), box)
    return tpm.calls
