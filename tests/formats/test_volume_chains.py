"""Cluster chains that lead astray, loop or cross, and copies of the FAT that differ."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from tests.volume import checker, delivery, images
from tests.volume.hostile import FOLDER, NAME, OTHER, ROOT, SECONDS, answer_of, small
from tests.volume.images import Shape
from tests.volume.surgery import CONTENT, REQUEST, Surgeon, patient

Operation = Callable[[Surgeon], None]


def _after(surgeon: Surgeon, name: bytes, steps: int) -> int:
    """A cluster some steps into a file; ours are written in one run."""
    return surgeon.cluster(name) + steps


CHAINS: dict[str, Operation] = {
    "a file that leads back to its first cluster": lambda it: it.link(_after(it, NAME, 2), it.cluster(NAME)),
    "a cluster that follows itself": lambda it: it.link(_after(it, NAME, 1), _after(it, NAME, 1)),
    "a file that leads to a free cluster": lambda it: it.link(_after(it, NAME, 1), it.geometry.clusters),
    "a file that leads behind the end": lambda it: it.link(_after(it, NAME, 1), it.geometry.clusters + 2),
    "a file that leads to cluster 0": lambda it: it.link(_after(it, NAME, 1), 0),
    "a file that leads to cluster 1": lambda it: it.link(_after(it, NAME, 1), 1),
    "a file that leads to a bad cluster": lambda it: it.link(_after(it, NAME, 1), it.geometry.mask - 8),
    "a file with a chain too short": lambda it: it.link(_after(it, NAME, 1), it.geometry.mask),
    "a file with a chain too long": lambda it: it.resize(NAME, 600),
    "a file larger than its chain": lambda it: it.resize(NAME, 100_000),
    "a file of 4 GiB": lambda it: it.resize(NAME, 0xFFFFFFFF),
    "a file without clusters": lambda it: it.point(NAME, 0),
    "a file behind the end": lambda it: it.point(NAME, 0xFFFF),
    "a folder that leads back to itself": lambda it: it.link(it.cluster(FOLDER), it.cluster(FOLDER)),
    "a folder behind the end": lambda it: it.point(FOLDER, 0xFFFF),
    "a folder at cluster 0": lambda it: it.point(FOLDER, 0),
    "a folder at cluster 1": lambda it: it.point(FOLDER, 1),
}


@small
@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_that_leads_astray_is_refused(shape: Shape, chain: str) -> None:
    medium = patient(shape)
    CHAINS[chain](Surgeon(medium))
    assert answer_of(medium) in (Code.MEDIUM_UNREADABLE, Code.TOO_LARGE)


LOOPS: dict[str, Operation] = {
    "a folder that is its own parent": lambda it: it.point(FOLDER, it.cluster(ROOT)),
    "a folder that is a file": lambda it: it.mark(FOLDER, 0x20),
    "a folder that is a label": lambda it: it.mark(FOLDER, 0x08),
    "a root folder that is a file": lambda it: it.mark(ROOT, 0x20),
    "a request that is a folder": lambda it: it.mark(NAME, 0x10),
    "a request that is deleted": lambda it: it.medium.write(it.place(NAME), b"\xe5"),
    "a folder that ends before the request": lambda it: it.medium.write(it.place(NAME), b"\0"),
}


@small
@pytest.mark.parametrize("loop", LOOPS)
def test_folders_that_loop_or_are_none_lead_to_no_request(shape: Shape, loop: str) -> None:
    medium = patient(shape)
    LOOPS[loop](Surgeon(medium))
    assert answer_of(medium) in (Code.TRUNCATED, Code.MEDIUM_UNREADABLE)


def test_a_root_that_leads_back_to_itself_is_refused() -> None:
    medium = patient(images.SMALL[2])
    it = Surgeon(medium)
    it.link(it.geometry.root_cluster, it.geometry.root_cluster)
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


@small
def test_two_files_on_the_same_clusters_are_read_as_their_names_say(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.point(OTHER, it.cluster(NAME))
    assert answer_of(medium) == CONTENT


@small
def test_where_the_first_fat_is_damaged_the_second_one_is_asked(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.link(it.cluster(NAME), 0, copies=(0,))
    assert answer_of(medium) == CONTENT


@small
def test_where_the_second_fat_is_damaged_the_first_one_counts(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.link(it.cluster(NAME), 0, copies=(1,))
    assert answer_of(medium) == CONTENT


@small
def test_a_writer_makes_the_copies_of_the_fat_equal_again(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.link(it.cluster(NAME), 0, copies=(0,))
    it.dirty()
    volume = FatVolume(medium)
    delivery.write(volume, "NEW.BIN", b"n" * 2000)
    volume.close()
    assert checker.check(medium).sound
    assert images.fsck(medium, shape) == ""
    assert answer_of(medium) == CONTENT


@small
@pytest.mark.parametrize("chain", [*CHAINS, *LOOPS])
def test_a_writer_never_gives_out_a_cluster_that_a_name_leads_to(shape: Shape, chain: str) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    {**CHAINS, **LOOPS}[chain](it)
    it.dirty()
    before = checker.check(medium)
    volume = FatVolume(medium)
    began = time.process_time()
    try:
        delivery.write(volume, "NEW.BIN", b"n" * volume.info().free)
        volume.close()
    except Refusal as refusal:
        assert refusal.code in (Code.MEDIUM_UNREADABLE, Code.MEDIUM_FULL)
        return
    assert time.process_time() - began < SECONDS
    after = checker.check(medium)
    assert after.files.pop("NEW.BIN").strip(b"n") == b""
    assert (after.files, after.damage) == (before.files, before.damage)


@small
def test_nothing_is_deleted_where_chains_cross(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.point(OTHER, it.cluster(NAME))
    it.dirty()
    volume = FatVolume(medium)
    with pytest.raises(Refusal, match="not sound") as refused:
        volume.delete(REQUEST)
    assert refused.value.code is Code.MEDIUM_UNREADABLE
    assert answer_of(medium) == CONTENT
