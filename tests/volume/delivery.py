"""What a box does to a stick, for torture: it deletes the last package, writes a new one, and settles.

Beside it lie other people's files. Whatever happens, those must not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from media_format.refusal import Refusal
from media_format.volume.fat import FatVolume
from tests.volume import checker
from tests.volume.faults import Recorder
from tests.volume.memory import Memory

_OLD = "UPDATEBX/PACKAGES/0A1B2C3D"
_NEW = "UPDATEBX/PACKAGES/4E5F6071"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The files that stay, that go and that come. `tail` is what the next writer adds."""

    kept: dict[str, bytes]
    old: dict[str, bytes]
    new: dict[str, bytes]
    tail: dict[str, bytes] = field(default_factory=lambda: {"UPDATEBX/RECEIPTS/12345678.RCP": b"next" * 99})


def plan(random: Random) -> Delivery:
    """A delivery of a few files of random size; folders grow over more than one small cluster."""

    def file(most: int) -> bytes:
        return random.randbytes(
            random.choice((0, 1, 511, 512, 513, random.randint(0, most), random.randint(0, 6 * most)))
        )

    kept = {
        "PHOTO.JPG": file(4000),
        "WORK/NOTES.TXT": file(2000),
        "UPDATEBX/REQUESTS/1A2B3C4D.REQ": file(900),
    }
    old = {f"{_OLD}/{name}": file(2000) for name in ("MANIFEST.CBR", "PAYLOAD.000", "ENVELOPE.CBR")}
    names = [
        "MANIFEST.CBR",
        "CHUNKS.CBR",
        *(f"PAYLOAD.{number:03d}" for number in range(random.randint(1, 18))),
    ]
    new = {f"{_NEW}/{name}": file(3000) for name in (*names, "ENVELOPE.CBR")}
    return Delivery(kept, old, new)


def write(volume: FatVolume, path: str, data: bytes) -> None:
    """Write one file, as the package writer does."""
    ticket = volume.begin(path, len(data))
    try:
        for start in range(0, len(data), 700):
            volume.append(ticket, data[start : start + 700])
        volume.commit(ticket)
    except BaseException:
        volume.discard(ticket)
        raise


def prepare(medium: Memory, delivery: Delivery) -> Memory:
    """The medium with what is there before: written piecemeal, so that free room lies between files."""
    made = medium.copy()
    volume = FatVolume(made)
    holes = [f"HOLE{number}.TMP" for number in range(4)]
    for hole, (path, data) in zip(
        [*holes, *[""] * 9], {**delivery.kept, **delivery.old}.items(), strict=False
    ):
        if hole:
            write(volume, hole, bytes(1500))
        write(volume, path, data)
    for hole in holes:
        volume.delete(hole)
    volume.close()
    return made


def play(medium: Memory, delivery: Delivery) -> None:
    """The delivery. A recorder is told what has become durable."""
    promise = medium.promise if isinstance(medium, Recorder) else lambda what: None
    volume = FatVolume(medium)
    try:
        for path in (*delivery.old, _OLD):
            volume.delete(path)
            promise(path)
        for path, data in delivery.new.items():
            write(volume, path, data)
            promise(path)
        volume.settle()
    finally:
        volume.close()


def judge(medium: Memory, delivery: Delivery, promised: list[str]) -> list[str]:
    """What is wrong with a medium after a cut; nothing should be. The next writer repairs it, in place."""
    return _judge_left(medium, delivery, promised) or _judge_next(medium, delivery)


def _judge_left(medium: Memory, delivery: Delivery, promised: list[str]) -> list[str]:
    found = min(
        (checker.check(medium, copy) for copy in range(checker.tables(medium))),
        key=lambda one: len(one.damage),
    )
    wrong = list(found.damage)
    known = delivery.kept | delivery.old | delivery.new
    wrong += [f"{path}: is there, and nobody wrote it" for path in found.files if path not in known]
    wrong += [f"{path}: is changed" for path, data in found.files.items() if known.get(path, data) != data]
    wrong += [f"{path}: is gone" for path in delivery.kept if path not in found.files]
    wrong += [
        f"{path}: was promised" for path in promised if path in delivery.new and path not in found.files
    ]
    wrong += [f"{path}: was deleted" for path in promised if path in delivery.old and path in found.files]
    try:
        volume = FatVolume(medium.copy())
        for path, data in found.files.items():
            if volume.read_object(path, len(data)) != data:
                wrong.append(f"{path}: is read as something else")
    except Refusal as refusal:
        wrong.append(f"is not read: {refusal}")
    return wrong


def _judge_next(medium: Memory, delivery: Delivery) -> list[str]:
    """The next writer reclaims what was lost and leaves the volume in order."""
    before = checker.check(medium, 0)
    try:
        volume = FatVolume(medium)
        for path, data in delivery.tail.items():
            write(volume, path, data)
        volume.settle()
        volume.close()
    except Refusal as refusal:
        return [f"cannot be written to: {refusal}"]
    after = checker.check(medium)
    wrong = [*after.damage, *after.untidy]
    for path in (*delivery.kept, *delivery.tail):
        if after.files.get(path) != {**delivery.kept, **delivery.tail}[path]:
            wrong.append(f"{path}: is not what it was, after the next writer")
    if not before.damage and after.files != before.files | delivery.tail:
        wrong.append("the next writer changed other files")
    return wrong
