"""Power cuts, errors and lies at any moment of a box's writing. `make torture` plays many more."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.torture_media import FAULTS, tally
from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from media_format.volume.geometry import read_geometry
from tests.volume import checker, delivery, images
from tests.volume.faults import Forgetful, Loss, Lying, Recorder
from tests.volume.images import Shape
from tests.volume.memory import Memory

small = pytest.mark.parametrize("shape", images.SMALL, ids=str)
_ONE_TABLE = Shape(12, 256 * images.KIB, tables=1)


@small
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_moment_harms_nobody_and_the_next_writer_repairs_it(fault: str, shape: Shape) -> None:
    line = tally(fault, shape, wanted=60, seed=7)
    assert line.survived == line.tried == 60


@pytest.mark.parametrize("loss", [Loss.CUT, Loss.LOST])
def test_a_cut_on_a_medium_with_a_single_fat_harms_nobody(loss: Loss) -> None:
    line = tally(loss.value, _ONE_TABLE, wanted=60, seed=3)
    assert line.survived == line.tried


def _played(shape: Shape, seed: int) -> tuple[Recorder, delivery.Delivery]:
    planned = delivery.plan(Random(seed))
    medium = Recorder(delivery.prepare(images.medium(shape), planned))
    delivery.play(medium, planned)
    return medium, planned


@small
def test_the_checker_and_fsck_agree_on_what_a_cut_leaves(shape: Shape) -> None:
    medium, _ = _played(shape, 11)
    left = [state for loss in Loss for _, state in medium.record.cuts(loss, Random(5))]
    for state in [*left[:: len(left) // 12], Memory(medium.size, medium.pages)]:
        assert checker.check(state).sound == (images.fsck(state, shape) == "")


@small
def test_a_delivery_without_a_fault_ends_on_a_sound_medium(shape: Shape) -> None:
    medium, planned = _played(shape, 12)
    found = checker.check(medium)
    assert found.sound, found.untidy
    assert found.files == planned.kept | planned.new


def test_a_medium_that_never_flushes_is_found_out_so_the_judge_can_fail() -> None:
    medium, planned = _played(images.SMALL[0], 2)
    record = medium.record
    record.events = [event for event in record.events if event is not None]
    record.milestones = []
    random = Random(1)
    assert any(delivery.judge(left, planned, []) for _, left in record.cuts(Loss.LOST, random))


def _growing(shape: Shape) -> Recorder:
    """A folder that grows by a cluster again and again."""
    medium = Recorder(images.medium(shape))
    volume = FatVolume(medium)
    for number in range(150):
        delivery.write(volume, f"FOLDER/F{number}", b"")
    volume.close()
    return medium


@small
def test_a_cut_while_a_folder_grows_leaves_one_copy_of_the_fat_whole(shape: Shape) -> None:
    medium = _growing(shape)
    geometry = read_geometry(medium)
    tables = range(geometry.table_offset, geometry.table_offset + geometry.tables * geometry.table_size)
    for seed in range(15):
        for place, left in medium.record.cuts(Loss.LOST_AND_TORN, Random(seed)):
            written = medium.record.events[place]
            if written is not None and written.offset in tables:
                copies = [checker.check(left, copy) for copy in range(geometry.tables)]
                assert any(not found.damage for found in copies)


def test_a_file_that_was_committed_survives_a_cut_right_after() -> None:
    medium, planned = _played(images.SMALL[2], 4)
    place, path = next((after, what) for after, what in medium.record.milestones if what in planned.new)
    states = dict(medium.record.cuts(Loss.LOST, Random(9)))
    following = next(at for at in medium.record.writes if at >= place)
    assert FatVolume(states[following]).read_object(path, 10_000) == planned.new[path]


@small
def test_a_medium_that_answers_differently_each_time_is_refused_or_read(shape: Shape) -> None:
    medium, planned = _played(shape, 6)
    for seed in range(60):
        try:
            volume = FatVolume(Lying(medium, Random(seed)))
            for path in planned.new:
                volume.read_object(path, 10_000)
            delivery.write(volume, "UPDATEBX/RECEIPTS/00000001.RCP", b"r" * 3000)
            volume.settle()
            volume.close()
        except Refusal:
            continue


@small
def test_a_medium_that_does_not_keep_its_fat_is_refused_when_it_settles(shape: Shape) -> None:
    volume = FatVolume(Forgetful(images.medium(shape), end=0))
    delivery.write(volume, "FILE.BIN", b"f" * 3000)
    with pytest.raises(Refusal, match="does not keep what is written") as refused:
        volume.settle()
    assert refused.value.code is Code.MEDIUM_UNREADABLE
