"""Cut the power at every write that a box makes to a stick, and count what survives: `make torture`.

Each cut medium must hold other people's files unchanged, every file of a package whole or not at all,
and be put in order by the next writer. A checker of the tests judges; fsck.fat looks at every fiftieth
repaired medium. Prints a line for each kind of fault and type of volume; exits with 1 if one was damaged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from media_format.refusal import Refusal
from tests.volume import delivery, images
from tests.volume.faults import Failing, Loss, Recorder
from tests.volume.images import Shape
from tests.volume.memory import Memory

_FSCK_EVERY: Final = 50
_Judged = tuple[Memory, list[str]]


@dataclass(slots=True)
class Tally:
    """One line of the table."""

    fault: str
    shape: Shape
    tried: int = 0
    survived: int = 0
    looked_at: int = 0

    def add(self, repaired: Memory, wrong: list[str]) -> None:
        """Count one cut; every so often fsck.fat says what it thinks of the repaired medium."""
        self.tried += 1
        if not wrong and self.tried % _FSCK_EVERY == 0:
            self.looked_at += 1
            wrong = [said] if (said := images.fsck(repaired, self.shape)) else []
        self.survived += not wrong
        if wrong:
            print(f"{self.fault}, {self.shape}, number {self.tried}: {wrong}", file=sys.stderr)


def cuts(loss: Loss, shape: Shape, random: Random) -> Iterator[_Judged]:
    """The medium and what is wrong with it after each cut of one delivery."""
    planned = delivery.plan(random)
    medium = Recorder(delivery.prepare(images.medium(shape), planned))
    delivery.play(medium, planned)
    for place, left in medium.record.cuts(loss, random):
        yield left, delivery.judge(left, planned, medium.record.reached(place))


def errors(shape: Shape, random: Random, *, dead: bool) -> Iterator[_Judged]:
    """The same after an error at each read, write and flush of one delivery."""
    planned = delivery.plan(random)
    before = delivery.prepare(images.medium(shape), planned)
    place, failed = 0, True
    while failed:
        medium = Failing(before, place, dead=dead)
        with suppress(Refusal):
            delivery.play(medium, planned)
        failed, place = medium.failed, place + 1
        left = Memory(medium.size, medium.pages)
        yield left, delivery.judge(left, planned, [])


FAULTS: Final[dict[str, Callable[[Shape, Random], Iterator[_Judged]]]] = {
    **{loss.value: partial(cuts, loss) for loss in Loss},
    "one error": partial(errors, dead=False),
    "no answer any more": partial(errors, dead=True),
}


def tally(fault: str, shape: Shape, wanted: int, seed: int) -> Tally:
    """Play deliveries until there were as many cuts as wanted."""
    line, random = Tally(fault, shape), Random(f"{seed} {fault} {shape}")
    while line.tried < wanted:
        for repaired, wrong in FAULTS[fault](shape, random):
            line.add(repaired, wrong)
            if line.tried == wanted:
                break
    return line


def main() -> int:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--cuts", type=int, default=3000, help="of each kind of fault (default: 3000)")
    options.add_argument("--fault", choices=FAULTS, action="append", help="only this kind; may be repeated")
    options.add_argument("--seed", type=int, default=1, help="another seed makes other deliveries")
    chosen = options.parse_args()
    each = -(-chosen.cuts // len(images.SMALL))
    print(f"{'fault':20} {'volume':18} {'tried':>7} {'survived':>9} {'fsck.fat':>9}")
    failed = 0
    for fault in chosen.fault or FAULTS:
        for shape in images.SMALL:
            line = tally(fault, shape, each, chosen.seed)
            print(f"{fault:20} {shape!s:18} {line.tried:7} {line.survived:9} {line.looked_at:9}", flush=True)
            failed += line.tried - line.survived
    print("nothing was lost" if not failed else f"{failed} media were damaged")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
