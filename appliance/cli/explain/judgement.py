"""Whose answer an explanation gives: what would become of a thing, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.cli.answer import plain
from appliance.cli.explain.things import Thing
from appliance.trust.crl import RevocationLists
from appliance.trust.revocation_list import RevocationList
from media_format.objects import TrustAnchor
from media_format.refusal import ADVICE, Code, Refusal
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class Judgement:
    """An answer. `accepted` is None where the question does not arise; `code` is there where one refuses."""

    accepted: bool | None
    detail: str
    code: Code | None = None
    advice: str | None = None
    """What to do where one refuses; the code's advice where None."""

    def told(self, by: str) -> dict[str, Any]:
        """The answer as JSON has it; `by` says whose it is."""
        advice = self.advice or (ADVICE[self.code] if self.code else None)
        return {
            "by": by,
            "accepted": self.accepted,
            "code": plain(self.code),
            "detail": self.detail,
            "advice": advice,
        }


class Standpoint(Protocol):
    """Whoever answers: a machine, or a trust anchor. Asking changes nothing there.

    `by` names it, `at` is the time it goes by, in seconds since the epoch, and None where it trusts no clock;
    `lists` are the revocation lists it knows, `loops` the loop devices that are media to it.
    """

    by: str
    at: int | None
    loops: tuple[Path, ...]
    anchor: TrustAnchor
    lists: RevocationLists

    def medium(self, volume: Volume, crls: Sequence[bytes]) -> Mapping[str, Judgement]:
        """Of what is judged on a medium only: the answer for each folder or file."""
        ...

    def package(self, volume: Volume, folder: str, crls: Sequence[bytes]) -> Judgement:
        """The answer to one package that `medium` did not judge."""
        ...

    def thing(self, thing: Thing, crls: Sequence[bytes]) -> Judgement:
        """The answer to anything else."""
        ...


def judged(judge: Callable[[], str]) -> Judgement:
    """The answer of a judge that returns what it accepts as, and raises refusals."""
    try:
        return Judgement(True, judge())
    except Refusal as refusal:
        return refused(refusal)


def refused(refusal: Refusal) -> Judgement:
    """The answer that a refusal is."""
    return Judgement(False, refusal.detail, refusal.code, refusal.advice)


def judge_list(der: bytes, lists: RevocationLists) -> Judgement:
    """What becomes of a revocation list where `lists` are known. Lists are never refused, only left out."""
    if lists.take([der]).ders != lists.ders:
        return Judgement(True, "newer than what is known; it would be taken over")
    if der in lists.ders:
        return Judgement(True, "it is known already")
    if RevocationList.read(der) is None:
        return Judgement(
            False, "left out: no list of the profile (too large, of a partial scope, or unnamed)"
        )
    if lists.replaces(der):
        return Judgement(False, "left out: a newer one of its issuer is known")
    return Judgement(False, "left out: nobody whose certificate is known here signed it")
