"""A worker does its pieces in order, and what goes wrong in it reaches the one who gives them."""

from __future__ import annotations

import threading

import pytest

from appliance.box.worker import Worker

PATIENCE = 30.0


def test_pieces_are_done_in_order_and_all_of_them_before_finish_returns() -> None:
    done: list[int] = []
    with Worker(done.append) as worker:
        for piece in range(100):
            worker.give(piece)
        worker.finish()
        assert done == list(range(100))


def test_the_giver_goes_on_while_a_piece_is_being_done() -> None:
    going_on, done = threading.Event(), list[bool]()

    def work(_: str) -> None:
        done.append(going_on.wait(PATIENCE))

    with Worker(work) as worker:
        worker.give("a piece")
        going_on.set()
        worker.finish()
    assert done == [True]


def test_what_goes_wrong_is_raised_by_finish_and_nothing_is_done_after_it() -> None:
    done: list[int] = []

    def work(piece: int) -> None:
        done.append(piece)
        if piece == 3:
            raise ValueError("three")

    with pytest.raises(ValueError, match="three"), Worker(work, room=100) as worker:
        for piece in range(10):
            worker.give(piece)
        worker.finish()
    assert done == [0, 1, 2, 3]


def test_a_giver_never_waits_for_a_worker_that_has_failed() -> None:
    def work(_: int) -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"), Worker(work, room=1) as worker:
        for piece in range(10_000):
            worker.give(piece)


def test_a_giver_that_fails_drops_what_waits_and_leaves_no_thread() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), list[int]()
    timer, before = threading.Timer(0.01, go_on.set), set(threading.enumerate())

    def work(piece: int) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        done.append(piece)

    def fail(worker: Worker[int]) -> None:
        worker.give(1)
        worker.give(2)
        assert begun.wait(PATIENCE)
        timer.start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Worker(work, room=5) as worker:
        fail(worker)
    assert done in ([1], [1, 2])
    assert set(threading.enumerate()) <= {*before, timer}
