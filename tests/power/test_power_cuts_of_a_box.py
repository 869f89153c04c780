"""A box whose power goes in the middle of an act: nothing acknowledged is lost, and it goes on working.

`make torture` does this for every act and at every change.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.power.acts import ACTS, Act
from tests.power.disk import Disk, Event, Loss, Sync, cuts, lay
from tests.power.killing import kill_at, places
from tests.power.recording import record
from tests.power.world import World

ACT = {act.name: act for act in ACTS}
EVERY = {"import": 31, "write": 61, "add a user": 23}
"""One cut of so many; they are primes, so that it is not always the same kind of change."""
KILLS = 2


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A box between two acts; tests work on copies."""
    return World.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def records(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Event]]:
    """What the real program does to copies of the box, by act."""
    folder = tmp_path_factory.mktemp("records")
    return {name: recorded(world, ACT[name], folder / name) for name in EVERY}


def recorded(world: World, act: Act, folder: Path) -> list[Event]:
    folder.mkdir()
    root = world.copy(folder / "recorded")
    return record(act.command(root), root, folder / "log")


def damages(world: World, act: Act, events: Sequence[Event], loss: Loss, folder: Path) -> list[str]:
    """What is wrong after a sample of the cuts, and after all whose act had been acknowledged."""
    before, left = world.copy(folder / "before"), folder / "left"
    wrong = []
    for number, cut in enumerate(cuts(Disk(before), events, loss, Random(7))):
        if number % EVERY[act.name] == 0 or cut.said:
            lay(cut.left, left)
            wrong += [f"{events[cut.place]}: {what}" for what in world.judge(left, act, said=cut.said)]
            shutil.rmtree(left)
    shutil.rmtree(before)
    return wrong


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("loss", [Loss.ALL, Loss.TORN])
def test_a_power_cut_costs_nothing_that_was_acknowledged(
    world: World, records: dict[str, list[Event]], tmp_path: Path, name: str, loss: Loss
) -> None:
    assert damages(world, ACT[name], records[name], loss, tmp_path) == []


def test_a_program_that_is_killed_leaves_a_box_that_goes_on(world: World, tmp_path: Path) -> None:
    act = ACT["collect"]
    recorded(world, act, tmp_path / "whole")
    where = places((tmp_path / "whole/log").read_text())
    for number, place in enumerate(where[:: len(where) // KILLS]):
        root = world.copy(tmp_path / f"killed-{number}")
        found = kill_at(act.command(root), root, place, tmp_path / "log")
        assert found.killed, place
        assert world.judge(root, act, said=found.said) == [], place


def test_a_box_that_did_not_sync_would_be_found_out(
    world: World, records: dict[str, list[Event]], tmp_path: Path
) -> None:
    name = "add a user"
    careless = [event for event in records[name] if not isinstance(event, Sync)]
    assert damages(world, ACT[name], careless, Loss.ALL, tmp_path)
