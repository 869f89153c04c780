"""The bays of a box, without a screen: media come and go, also while there is work on them."""

from __future__ import annotations

from pathlib import Path

from appliance.box import Action, Progress
from tui.bays import Outcome, State, Work
from tui.pace import Pace
from tui.rack import Rack

STICK = Path("/dev/sdx")
DONE = Outcome(True, "DONE", "Take it to the device.")


def rack_at_work() -> Rack:
    """A rack with a stick that is being written."""
    rack = Rack()
    rack.insert(STICK)
    rack.begin(STICK, Work(Action.WRITE, Pace(("write",), 1, 0.0)))
    return rack


def test_a_medium_that_is_taken_out_of_its_work_is_gone_when_that_ends() -> None:
    rack = rack_at_work()
    rack.remove(STICK)
    assert rack.bays[STICK].state is State.WORKING
    assert rack.end(STICK, DONE).outcome == DONE
    assert rack.bays == {}


def test_a_medium_that_is_back_before_its_work_ends_stays() -> None:
    rack = rack_at_work()
    rack.remove(STICK)
    rack.insert(STICK)
    rack.end(STICK, DONE)
    assert rack.bays[STICK].outcome == DONE


def test_reading_again_leaves_alone_what_is_worked_on() -> None:
    rack = rack_at_work()
    idle = Path("/dev/sdy")
    rack.insert(idle)
    rack.surveyed(idle, None, "it cannot be read")
    assert rack.forget() == (idle,)
    assert rack.bays[idle].state is State.READING
    assert rack.bays[STICK].work is not None


def test_work_that_can_be_cancelled_hears_of_it_and_other_work_does_not() -> None:
    rack = rack_at_work()
    rack.cancel(STICK)
    before = rack.bays[STICK].work
    assert before is not None and not before.cancelling
    asked = rack.cancellable(STICK)
    rack.cancel(STICK)
    assert asked.is_set()
    work = rack.bays[STICK].work
    assert work is not None and work.cancelling


def test_what_is_told_of_a_medium_that_is_gone_changes_nothing() -> None:
    rack = Rack()
    rack.surveyed(STICK, None, "it cannot be read")
    rack.advance(STICK, Progress("write", 1, 2), 1.0)
    rack.cancel(STICK)
    rack.remove(STICK)
    assert rack.bays == {}
    assert not rack.let_time_pass(2.0)
