"""The health of the box in one line, and what to do about each thing that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.box import BoxStatus
from tui import texts
from tui.words import amount, day, moment, time_of_day

_ROOM = 1_000_000_000
"""Bytes free in the store below which there is a warning."""


class Level(StrEnum):
    """How bad it is. The value is the style's name."""

    GOOD = "good"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Health:
    """`facts` are always shown; `problems` say what to do, the worst first."""

    level: Level
    facts: str
    problems: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The level in words: colour is never the only signal."""
        return texts.HEALTH[self.level]


def judge(status: BoxStatus) -> Health:
    """What a technician should know of the box."""
    troubles, warnings = _troubles(status), _warnings(status)
    level = Level.TROUBLE if troubles else Level.WARNING if warnings else Level.GOOD
    return Health(level, _facts(status), (*troubles, *warnings))


def unknown(problem: str) -> Health:
    """The health of a box that does not say."""
    return Health(Level.TROUBLE, "", (problem,))


def _facts(status: BoxStatus) -> str:
    time = moment(status.time.time) if status.time else texts.NO_TIME
    source = f" ({status.time.source})" if status.time else ""
    locked = status.tpm.locked_until
    tpm = texts.TPM_LOCKED_UNTIL.format(time=time_of_day(locked)) if locked else texts.TPM_READY
    releases = texts.RELEASES_ONE if status.releases == 1 else texts.RELEASES.format(count=status.releases)
    return f"{time}{source}  TPM {status.tpm.backend}: {tpm}  {releases}"


def _troubles(status: BoxStatus) -> list[str]:
    found = []
    if status.vendor is None:
        found.append(texts.NO_CERTIFICATES)
    elif status.time_problem:
        found.append(
            texts.TIME_PROBLEM.format(
                problem=status.time_problem, advice=status.time_advice or texts.TIME_ADVICE
            )
        )
    if status.revoked:
        found.insert(0, texts.REVOKED)
    time = status.time.time if status.time else 0
    found += [
        texts.EXPIRED.format(subject=warning.subject, day=day(warning.expires))
        for warning in status.warnings
        if warning.expires < time
    ]
    return found


def _warnings(status: BoxStatus) -> list[str]:
    time = status.time.time if status.time else 0
    found = [
        texts.EXPIRES.format(subject=warning.subject, day=day(warning.expires), within=warning.within)
        for warning in status.warnings
        if warning.expires >= time
    ]
    if status.free < _ROOM:
        found.append(texts.LITTLE_ROOM.format(free=amount(status.free)))
    return found
