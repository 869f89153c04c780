"""Chunks that a device has already: left out, taken from what runs, and refused where that is not right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from media_format.objects import Run
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import device_refuses, device_refuses_and_reports
from tests.cli.workshop import Workshop, firmware, mounted, run

CHUNK = 65536
IMAGE = firmware("1.0.0")[:CHUNK] + firmware("1.1.0")[CHUNK:]
"""1.1.0 as it could be: its first chunk, of four, is that of what runs."""


def offered(running: Workshop) -> Workshop:
    """The box has answered the device's request with a release that shares a chunk with what runs."""
    running.release("1.2.0", image=IMAGE)
    running.write()
    return running


def test_the_box_says_how_little_it_wrote(running: Workshop) -> None:
    running.release("1.2.0", image=firmware("1.0.0"))
    arguments = ("box", "write", running.box, running.stick, "--device", "PUMP-1", *running.pin())
    said = run(*arguments)
    assert "72 bytes (0.0 % of 195.6 KiB; the rest is on the device already)" in said.out, said.out
    running.install()
    status = running.do("device", "status", running.device)["status"]
    assert status["version"] == "1.2.0"


def test_inspect_counts_the_chunks_and_lists_them_for_programs_alone(running: Workshop) -> None:
    offered(running)
    base = running.release_digest("1.0.0")
    said = " ".join(run("inspect", running.stick).out.split())
    assert f"present 3 chunks in 1 run; the others come from release {base[:16]}…" in said, said
    found = running.do("inspect", running.stick)["found"]
    (envelope,) = (entry for entry in found if entry["kind"] == "envelope")
    assert envelope["fields"]["present"]["runs"] == [{"first": 1, "count": 3}]


def test_a_whole_package_is_written_where_somebody_asks_for_one(running: Workshop) -> None:
    running.release("1.2.0", image=IMAGE)
    running.write("--whole")
    with mounted(running.stick) as volume:
        assert attacker.take_apart(volume).envelope.present is None
    running.install()


def test_a_package_for_what_runs_no_more_is_refused(running: Workshop) -> None:
    offered(running)
    with resealed(running) as present:
        present["base"] = bytes(32)
    device_refuses_and_reports(running, Code.WRONG_BASE)


def test_a_base_that_does_not_measure_right_is_refused_and_not_built_on_again(running: Workshop) -> None:
    offered(running)
    bank = running.device / "slots/b.img"
    rotten = bytearray(good := bank.read_bytes())
    rotten[CHUNK + 5] ^= 1
    bank.write_bytes(rotten)
    device_refuses_and_reports(running, Code.WRONG_BASE)
    bank.write_bytes(good)
    running.do("box", "admit", running.box, running.stick)
    running.write()
    with mounted(running.stick) as volume:
        assert attacker.take_apart(volume).envelope.present is None
    running.install()


def test_a_box_that_leaves_out_what_the_device_does_not_have_installs_nothing(running: Workshop) -> None:
    running.release("1.2.0", image=IMAGE)
    attacker.leave_everything_out(running)
    device_refuses_and_reports(running, Code.WRONG_BASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"runs": (Run(first=0, count=4),)},
        {"runs": (Run(first=1, count=2**40),)},
        {"runs": (Run(first=2**62, count=1),)},
        {"page_offsets": (1,)},
        {"page_offsets": (2**62,)},
        {"page_offsets": (0, 0)},
    ],
)
def test_a_box_that_contradicts_itself_about_what_it_wrote_installs_nothing(
    running: Workshop, changes: dict[str, Any]
) -> None:
    offered(running)
    with resealed(running) as present:
        present.update(changes)
    device_refuses(running, Code.MALFORMED)


@contextmanager
def resealed(shop: Workshop, **others: Any) -> Iterator[dict[str, Any]]:
    """A subverted box: what stands here says in the envelope which chunks the payload holds."""
    signer = attacker.box_signer(shop)
    with mounted(shop.stick) as volume:
        present = attacker.take_apart(volume).envelope.present
        assert present is not None
        changes: dict[str, Any] = {}
        yield changes
        attacker.reseal(volume, signer, present=dataclasses.replace(present, **changes), **others)


def test_the_release_that_shares_a_chunk_is_written_without_it(running: Workshop) -> None:
    offered(running)
    with mounted(running.stick) as volume:
        present = attacker.take_apart(volume).envelope.present
    assert present is not None
    assert present.runs == (Run(first=1, count=3),)
    running.install()
