"""Directives on a medium: which are looked at, in which order, and what is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.trust.signer import KeySigner
from media_format import cose, layout
from media_format.directive_files import MAX_FILE, directives_for
from media_format.objects import Directive, Role
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from tests.directives import make_directive
from tests.trust_world import new_key

CHAIN = (b"a leaf", b"its issuer")


def put(root: Path, name: str, data: bytes) -> None:
    (root / layout.TRUST).mkdir(parents=True, exist_ok=True)
    (root / layout.TRUST / name).write_bytes(data)


def signed(sequence: int, **changes: object) -> bytes:
    """A directive by nobody in particular: what is read here is not verified."""
    payload = make_directive(sequence=sequence, **changes).to_bytes()
    return cose.sign1(Directive.CONTENT_TYPE, payload, KeySigner(new_key(), CHAIN))


def sequences(root: Path) -> list[int]:
    found = directives_for(DirectoryVolume(root), Role.DEVICE, "pump-17", 1)
    return [file.directive.sequence for file in found]


def test_a_medium_without_directives_has_none(tmp_path: Path) -> None:
    assert sequences(tmp_path) == []


def test_directives_stand_in_the_order_of_their_sequences(tmp_path: Path) -> None:
    for name, sequence in (("A.DIR", 12), ("B.DIR", 3), ("C.DIR", 7)):
        put(tmp_path, name, signed(sequence))
    assert sequences(tmp_path) == [3, 7, 12]


def test_directives_for_others_are_left_alone(tmp_path: Path) -> None:
    for name, changes in (("A", {"target": "pump-18"}), ("B", {"epoch": 2}), ("C", {"role": Role.BOX})):
        put(tmp_path, f"{name}.DIR", signed(5, **changes))
    assert sequences(tmp_path) == []


def test_damaged_files_do_not_hide_the_others(tmp_path: Path) -> None:
    put(tmp_path, "A.DIR", b"rust")
    put(tmp_path, "B.DIR", bytes(MAX_FILE + 1))
    put(tmp_path, "C.DIR", signed(5)[:-1])
    put(tmp_path, "D.DIR", signed(6))
    put(tmp_path, "._D.DIR", signed(7))
    assert sequences(tmp_path) == [6]


def test_no_more_than_1024_files_are_looked_at(tmp_path: Path) -> None:
    for number in range(1024):
        put(tmp_path, f"{number:08}.DIR", b"rust")
    put(tmp_path, "ZZZZZZZZ.DIR", signed(5))
    assert sequences(tmp_path) == []


def test_no_more_than_64_directives_for_one_machine_are_judged(tmp_path: Path) -> None:
    for number in range(70):
        put(tmp_path, f"{number:08}.DIR", signed(number + 1))
    assert sequences(tmp_path) == list(range(1, 65))


class Gone(DirectoryVolume):
    """A medium that is pulled while a directive is read."""

    def read_object(self, path: str, limit: int) -> bytes:
        raise Refusal(Code.MEDIUM_PULLED, "gone")


def test_a_medium_that_is_pulled_is_not_one_without_directives(tmp_path: Path) -> None:
    put(tmp_path, "A.DIR", signed(5))
    with pytest.raises(Refusal) as refusal:
        directives_for(Gone(tmp_path), Role.DEVICE, "pump-17", 1)
    assert refusal.value.code is Code.MEDIUM_PULLED
