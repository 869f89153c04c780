"""A keystore's audit in words: which keys were used, how often, with what outcome, by which users."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from appliance.cli.explain.spans import clock

KIND: Final = "audit of a keystore"
_SHOWN: Final = 10
_TYPES: Final = {"time": int, "pid": int, "uid": int, "call": str, "name": str, "outcome": str}


@dataclass(frozen=True, slots=True)
class Use:
    """A line of the audit. `time` is in seconds since the epoch."""

    time: int
    pid: int
    uid: int
    call: str
    name: str
    outcome: str

    @property
    def words(self) -> str:
        """What was done, with which key, and what came of it."""
        return " ".join(filter(None, (self.call, self.name))) + f": {self.outcome}"


@dataclass(frozen=True, slots=True)
class AuditContent:
    """The lines of an audit, the oldest first."""

    uses: tuple[Use, ...]

    @property
    def summary(self) -> str:
        bad = sum(use.outcome != "done" for use in self.uses)
        when = f"{clock(self.uses[0].time)} to {clock(self.uses[-1].time)}"
        return f"{len(self.uses)} uses, {when}; {bad} refused, failed or turned away"

    @property
    def fields(self) -> dict[str, Any]:
        counted = Counter(use.words for use in self.uses)
        users = Counter(use.uid for use in self.uses)
        return {
            "uses": [f"{count} x {words}" for words, count in counted.most_common()],
            "users": [f"{count} by user {uid}" for uid, count in users.most_common()],
            "last": [f"{clock(use.time)}, process {use.pid}: {use.words}" for use in self.uses[-_SHOWN:]],
        }

    @property
    def notes(self) -> tuple[str, ...]:
        return ()


def read_audit(data: bytes) -> AuditContent | None:
    """The lines of an audit, None for a file that is none."""
    try:
        lines = [json.loads(line) for line in data.decode().splitlines()]
    except (ValueError, RecursionError):
        return None
    if not lines or not all(map(_is_use, lines)):
        return None
    return AuditContent(tuple(Use(**line) for line in lines))


def _is_use(line: Any) -> bool:
    return (
        isinstance(line, dict)
        and line.keys() == _TYPES.keys()
        and all(type(line[name]) is kind for name, kind in _TYPES.items())
    )
