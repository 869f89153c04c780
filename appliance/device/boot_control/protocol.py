"""What the project asks of a bootloader, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BootState:
    """Which bank each slot boots from.

    `banks` are used at the next boot. While a trial lasts, `tries` counts the boots it has left and
    `booted` says whether it has been booted at all; `tries` is None when nothing is on trial.
    `previous` are the banks before the last switch, None where there is no way back.
    """

    banks: Mapping[str, int]
    previous: Mapping[str, int] | None = None
    tries: int | None = None
    booted: bool = False

    @property
    def on_trial(self) -> bool:
        """Whether the banks have not been confirmed yet."""
        return self.tries is not None

    @property
    def running(self) -> Mapping[str, int]:
        """The banks that run now: a trial that was not booted yet does not."""
        return self.banks if self.previous is None or not self.on_trial or self.booted else self.previous


class BootControl(Protocol):
    """The bootloader's switch. Every change is durable and all or nothing.

    Every method raises Refusal(boot-control-failed) when the bootloader's storage cannot be read or written.
    """

    def state(self) -> BootState:
        """What will boot."""
        ...

    def try_banks(self, banks: Mapping[str, int], tries: int) -> None:
        """Boot these banks next, at most `tries` times unless they are confirmed; other slots stay."""
        ...

    def boot(self) -> BootState:
        """A boot begins: use up one try. What runs now is what is returned."""
        ...

    def confirm(self) -> None:
        """End the trial: the banks stay. The way back stays open."""
        ...

    def fall_back(self) -> None:
        """Return to the banks before the last switch; nothing happens where there are none."""
        ...
