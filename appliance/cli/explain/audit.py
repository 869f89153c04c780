"""A keystore's audit in words: which keys were used, how often, with what outcome, by which users."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
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


def read_audit(data: bytes) -> tuple[Use, ...] | None:
    """The lines of an audit, None for a file that is none."""
    try:
        lines = [json.loads(line) for line in data.decode().splitlines()]
    except (ValueError, RecursionError):
        return None
    if not lines or not all(map(_is_use, lines)):
        return None
    return tuple(Use(**line) for line in lines)


def _is_use(line: Any) -> bool:
    return (
        isinstance(line, dict)
        and line.keys() == _TYPES.keys()
        and all(type(line[name]) is kind for name, kind in _TYPES.items())
    )


def summary(uses: Sequence[Use]) -> str:
    """How many uses there are, from when to when, and how many did not end well."""
    bad = sum(use.outcome != "done" for use in uses)
    when = f"{clock(uses[0].time)} to {clock(uses[-1].time)}"
    return f"{len(uses)} uses, {when}; {bad} refused, failed or turned away"


def fields(uses: Sequence[Use]) -> dict[str, Any]:
    """The uses counted by what they were, the users, and the last ones one by one."""
    counted = Counter(use.words for use in uses)
    return {
        "uses": [f"{count} x {words}" for words, count in counted.most_common()],
        "users": [f"{count} by user {uid}" for uid, count in Counter(use.uid for use in uses).most_common()],
        "last": [f"{clock(use.time)}, process {use.pid}: {use.words}" for use in uses[-_SHOWN:]],
    }
