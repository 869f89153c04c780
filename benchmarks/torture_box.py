"""Kill the box's program and cut its power, at every write, sync and change of a name: `make torture`.

Each act runs once under strace, as a person runs it, with its keystore and courier. From the record the
box's folder (database, packages, certificates, the soft TPM's state) and the stick are made as a cut at each
change leaves them, for each kind of loss. Besides, the real program is killed with signal 9 at its system
calls. Then the box must open and unlock, its database and ledger be whole, what was acknowledged be there,
and the act be possible once more. Prints a line for each act and kind; exits with 1 where something was lost.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tests.power.acts import ACTS, Act
from tests.power.disk import Cut, Disk, Event, Loss, cuts, lay
from tests.power.killing import Killed, Place, kill_at, places
from tests.power.recording import record
from tests.power.world import World

_ACTS: Final = {act.name: act for act in ACTS}
_AT_ONCE: Final = 4
"""Programs that are killed at the same time: most of theirs is waiting for a keystore to end."""
_KILLED: Final = "kill -9 of the program"


@dataclass(slots=True)
class Tally:
    """One line of the table."""

    act: str
    fault: str
    tried: int = 0
    survived: int = 0

    def add(self, place: object, wrong: Sequence[str]) -> None:
        """Count one cut."""
        self.tried += 1
        self.survived += not wrong
        if wrong:
            print(f"{self.act}, {self.fault}, at {place}: {list(wrong)}", file=sys.stderr)


def cut(world: World, name: str, events: Sequence[Event], loss: Loss, wanted: int, folder: Path) -> Tally:
    """Judge what cuts of one kind leave of an act."""
    line, random = Tally(name, loss), Random(f"{name} {loss}")
    before = world.copy(folder / f"before {loss}")
    left = folder / f"left {loss}"
    for found in _spread(cuts(Disk(before), events, loss, random), len(events) / wanted):
        lay(found.left, left)
        line.add(events[found.place], world.judge(left, _ACTS[name], said=found.said))
        shutil.rmtree(left)
    shutil.rmtree(before)
    return line


def kill(world: World, act: Act, where: Sequence[Place], wanted: int, folder: Path) -> Tally:
    """Kill the real program at system calls, and judge."""
    line = Tally(act.name, _KILLED)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        chosen = where[:: -(-len(where) // wanted)]
        runs = pool.map(partial(_kill, world, act, folder), enumerate(chosen))
        for root, place, found in runs:
            if found.killed:
                line.add(place, world.judge(root, act, said=found.said))
            shutil.rmtree(root)
    return line


def _kill(world: World, act: Act, folder: Path, numbered: tuple[int, Place]) -> tuple[Path, Place, Killed]:
    number, place = numbered
    root = world.copy(folder / f"killed-{number}")
    return root, place, kill_at(act.command(root), root, place, folder / f"killed-{number}.log")


def _spread(found: Iterable[Cut], step: float) -> Iterator[Cut]:
    """One of every `step` events' cuts."""
    following = 0.0
    for one in found:
        if one.place >= following:
            following += max(1.0, step)
            yield one


def torture(act: Act, wanted: int, kills: int, folder: Path, pool: Executor) -> Iterator[Tally]:
    """All that is done to one act."""
    (folder / "shop").mkdir(parents=True)
    world = World.make(folder)
    root, log = world.copy(folder / "recorded"), folder / "log"
    events = record(act.command(root), root, log)
    # Cuts are made of what the program found: the record speaks of paths below the folder only.
    shutil.rmtree(root)
    judged = [pool.submit(cut, world, act.name, events, loss, wanted, folder) for loss in Loss]
    yield from (line.result() for line in judged)
    yield kill(world, act, places(log.read_text()), kills, folder)


def main() -> int:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument(
        "--cuts", type=int, default=1000, help="of each act and kind at most (default: 1000)"
    )
    options.add_argument("--kills", type=int, default=40, help="of each act at most (default: 40)")
    options.add_argument("--act", choices=_ACTS, action="append", help="only this act; may be repeated")
    chosen = options.parse_args()
    wanted = [act for name, act in _ACTS.items() if name in (chosen.act or _ACTS)]
    print(f"{'act':14} {'fault':24} {'tried':>7} {'survived':>9}")
    failed = 0
    with ProcessPoolExecutor() as pool:
        for act in wanted:
            with tempfile.TemporaryDirectory() as folder:
                for line in torture(act, chosen.cuts, chosen.kills, Path(folder), pool):
                    print(f"{line.act:14} {line.fault:24} {line.tried:7} {line.survived:9}", flush=True)
                    failed += line.tried - line.survived
    print("nothing was lost" if not failed else f"{failed} boxes were damaged")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
