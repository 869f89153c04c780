"""The keystore's audit: every use, without what was used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.tpm.keystore.audit import FILE_NAME
from appliance.tpm.protocol import Authorisation
from appliance.tpm.soft import SoftTpm
from media_format.errors import Misuse
from media_format.refusal import Code
from tests.tools import require_root
from tests.tpm.keystores import AUTH, Keystore, audit, served
from tests.tpm.strangers import NOBODY, as_user, open_to_all
from tests.trust_world import refused


def test_every_use_is_in_the_audit_without_what_was_used(keys: Keystore) -> None:
    keys.tpm.sign("identity", b"message", AUTH)
    with refused(Code.PIN_WRONG):
        keys.tpm.sign("identity", b"message", Authorisation(b"guess"))
    keys.tpm.unseal(keys.tpm.seal(b"secret", "271828"), "271828")
    uses = [(line["call"], line["name"], line["outcome"]) for line in audit(keys.folder)]
    assert uses == [
        ("create", "identity", "done"),
        ("sign", "identity", "done"),
        ("sign", "identity", "pin-wrong"),
        ("seal", "", "done"),
        ("unseal", "", "done"),
    ]
    assert {line["pid"] for line in audit(keys.folder)} == {os.getpid()}
    assert "271828" not in str(audit(keys.folder))


def test_whoever_is_turned_away_again_and_again_does_not_fill_the_audit(tmp_path: Path) -> None:
    require_root()
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    with open_to_all() as place, served(tmp_path / "tpm", "--user", "12345", "--socket", str(place)):
        for _ in range(20):
            assert as_user(NOBODY, place) == "turned away"
    assert len(audit(tmp_path / "tpm")) == 1


def test_a_use_whose_trace_cannot_be_written_is_refused(keys: Keystore) -> None:
    lines = keys.folder / FILE_NAME
    lines.unlink()
    lines.symlink_to("/dev/full")
    with refused(Code.TPM_UNAVAILABLE):
        keys.tpm.sign("identity", b"message", AUTH)
    lines.unlink()
    keys.tpm.sign("identity", b"message", AUTH)
    assert [line["call"] for line in audit(keys.folder)] == ["sign"]


def test_long_names_do_not_push_what_was_done_before_out_of_the_audit(keys: Keystore) -> None:
    keys.tpm.sign("identity", b"message", AUTH)
    before = audit(keys.folder)
    for _ in range(2):
        with pytest.raises(Misuse):
            keys.tpm.sign("x" * 1_900_000, b"message", AUTH)
    lines = audit(keys.folder)
    assert lines[: len(before)] == before
    assert [line["name"] for line in lines[len(before) :]] == ["x" * 64] * 2


def test_turning_away_goes_on_where_the_audit_cannot_be_written(tmp_path: Path) -> None:
    require_root()
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    (tmp_path / "tpm" / FILE_NAME).symlink_to("/dev/full")
    with open_to_all() as place, served(tmp_path / "tpm", "--user", "12345", "--socket", str(place)):
        assert [as_user(NOBODY, place), as_user(12345, place)] == ["turned away", "answered"]
