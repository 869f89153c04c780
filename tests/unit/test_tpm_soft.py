"""The soft TPM: keys are used and never given out, PINs are counted, counters only go forward."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.tpm import NO_AUTHORISATION, Authorisation, KeyKind, open_tpm
from appliance.tpm.lockout import ALLOWED, FIRST_WAIT, LONGEST_WAIT, Lockout
from appliance.tpm.soft import SoftTpm
from media_format.durable import replace_file
from media_format.errors import Misuse
from media_format.objects import Kem
from media_format.payload import hpke
from media_format.refusal import Code, Refusal
from tests.trust_world import refused

OWNER = Authorisation(b"a secret of thirty-two bytes, 256")
PIN = "271828"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1_000_000

    def __call__(self) -> int:
        return self.time


class Cut(BaseException):
    """The power goes."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tpm(tmp_path: Path, clock: Clock) -> SoftTpm:
    return SoftTpm.make(tmp_path / "tpm", clock)


def reopened(tmp_path: Path, clock: Callable[[], int]) -> SoftTpm:
    return SoftTpm.load_from(tmp_path / "tpm", clock)


def cutting(tmp_path: Path, left: int) -> SoftTpm:
    """The TPM with power for a number of writes."""
    done = 0

    def replace(path: Path, data: bytes) -> None:
        nonlocal done
        if done == left:
            raise Cut
        done += 1
        replace_file(path, data)

    return SoftTpm.load_from(tmp_path / "tpm", lambda: 0, replace)


# Keys


def test_a_signature_is_the_public_keys(tpm: SoftTpm) -> None:
    public = load_der_public_key(tpm.create("identity", KeyKind.SIGN_P256, OWNER))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    raw = tpm.sign("identity", b"message", OWNER)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    public.verify(utils.encode_dss_signature(r, s), b"message", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("kind", "kem"), [(KeyKind.DECRYPT_P256, Kem.P256), (KeyKind.DECRYPT_XWING, Kem.XWING)]
)
def test_a_decryption_key_opens_what_was_sealed_to_it_also_after_reopening(
    tpm: SoftTpm, tmp_path: Path, clock: Clock, kind: KeyKind, kem: Kem
) -> None:
    encapsulation, sealed = hpke.seal(kem, tpm.create("transport", kind, OWNER), b"content key", b"info")
    again = reopened(tmp_path, clock)
    assert again.open("transport", encapsulation, sealed, b"info", OWNER) == b"content key"
    with refused(Code.DECRYPTION_FAILED):
        again.open("transport", encapsulation, sealed, b"other", OWNER)


def test_a_key_is_not_used_without_its_authorisation(tpm: SoftTpm) -> None:
    tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    for other in (NO_AUTHORISATION, Authorisation(b"another")):
        with refused(Code.PIN_WRONG):
            tpm.sign("identity", b"message", other)


def test_a_key_does_one_thing_only_and_is_made_once(tpm: SoftTpm) -> None:
    tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    tpm.create("transport", KeyKind.DECRYPT_P256, OWNER)
    with pytest.raises(Misuse, match="decrypt"):
        tpm.open("identity", bytes(65), bytes(48), b"", OWNER)
    with pytest.raises(Misuse, match="not of kind"):
        tpm.sign("transport", b"message", OWNER)
    with pytest.raises(Misuse, match="already"):
        tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    with pytest.raises(Misuse, match="no key"):
        tpm.sign("nobody", b"message", OWNER)


def test_no_call_returns_a_private_key_and_no_file_holds_one_in_the_clear(
    tpm: SoftTpm, tmp_path: Path
) -> None:
    public = tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    calls = {name for name in vars(SoftTpm) if not name.startswith("_")} - {"make", "load_from"}
    assert calls == {
        "random", "create", "public", "sign", "open", "seal", "unseal", "counter", "increment",
        "store", "load", "status", "close",
    }  # fmt: skip
    point = public[-64:]
    for path in (tmp_path / "tpm").iterdir():
        # An unencrypted PKCS #8 key holds its public point; the file with the public half is sealed too.
        assert point not in path.read_bytes()


def test_authorisations_and_backends_do_not_show_secrets() -> None:
    assert "secret of thirty-two" not in repr(OWNER)


def test_a_key_that_a_cut_left_half_made_can_be_made_again(tpm: SoftTpm, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        cutting(tmp_path, 1).create("identity", KeyKind.SIGN_P256, OWNER)
    tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    tpm.sign("identity", b"message", OWNER)


# PINs


def test_what_was_sealed_opens_with_its_pin_and_on_this_tpm_only(
    tpm: SoftTpm, tmp_path: Path, clock: Clock
) -> None:
    blob, free = tpm.seal(b"secret", PIN), tpm.seal(b"free", None)
    again = reopened(tmp_path, clock)
    assert (again.unseal(blob, PIN), again.unseal(free, None)) == (b"secret", b"free")
    other = SoftTpm.make(tmp_path / "other", clock)
    for sealed, pin in ((blob, PIN), (free, None)):
        with refused(Code.TPM_UNAVAILABLE):
            other.unseal(sealed, pin)
    assert other.status().failures == 0


def test_damaged_data_is_not_taken_for_a_wrong_pin(tpm: SoftTpm) -> None:
    blob = tpm.seal(b"secret", PIN)
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with refused(Code.TPM_UNAVAILABLE):
            tpm.unseal(bytes(changed), PIN)
    assert tpm.status().failures == 0


def test_a_pin_is_not_left_out_and_not_asked_of_what_has_none(tpm: SoftTpm) -> None:
    with refused(Code.TPM_UNAVAILABLE):
        tpm.unseal(tpm.seal(b"secret", PIN), None)
    with refused(Code.TPM_UNAVAILABLE):
        tpm.unseal(tpm.seal(b"free", None), PIN)
    with pytest.raises(Misuse, match="at most"):
        tpm.seal(bytes(4097), None)


def lock(tpm: SoftTpm, blob: bytes) -> None:
    for _ in range(ALLOWED):
        with refused(Code.PIN_WRONG):
            tpm.unseal(blob, "000000")


def test_wrong_pins_are_counted_and_lock_also_the_right_one_out(
    tpm: SoftTpm, tmp_path: Path, clock: Clock
) -> None:
    blob = tpm.seal(b"secret", PIN)
    lock(tpm, blob)
    again = reopened(tmp_path, clock)
    with refused(Code.TPM_LOCKED):
        again.unseal(blob, PIN)
    assert again.status().locked_until == clock.time + FIRST_WAIT
    clock.time += FIRST_WAIT
    assert again.unseal(blob, PIN) == b"secret"
    assert (again.status().failures, again.status().locked_until) == (0, None)


def test_a_clock_set_back_does_not_shorten_the_wait(tpm: SoftTpm, clock: Clock) -> None:
    blob = tpm.seal(b"secret", PIN)
    lock(tpm, blob)
    clock.time -= 500_000
    with refused(Code.TPM_LOCKED):
        tpm.unseal(blob, PIN)
    clock.time += FIRST_WAIT - 1
    with refused(Code.TPM_LOCKED):
        tpm.unseal(blob, PIN)
    clock.time += 1
    assert tpm.unseal(blob, PIN) == b"secret"


def test_a_wrong_pin_says_how_many_more_lock_the_tpm(tpm: SoftTpm) -> None:
    blob, said = tpm.seal(b"secret", "271828"), []
    for _ in range(ALLOWED):
        with pytest.raises(Refusal) as refusal:
            tpm.unseal(blob, "000000")
        said.append(refusal.value.detail)
    assert said[-3:] == [
        "2 more wrong ones lock this PIN",
        "1 more wrong one locks this PIN",
        "this PIN is locked now",
    ]


def test_every_further_wrong_pin_costs_twice_the_wait_up_to_an_hour() -> None:
    waits = []
    for failures in range(ALLOWED, ALLOWED + 20):
        until = Lockout(failures, last=0).until
        assert until is not None
        waits.append(until)
    assert waits[:4] == [60, 120, 240, 480]
    assert set(waits[6:]) == {LONGEST_WAIT}


def test_an_attempt_is_counted_before_the_pin_is_tried(tpm: SoftTpm, tmp_path: Path) -> None:
    blob = tpm.seal(b"secret", PIN)
    with pytest.raises(Cut):
        cutting(tmp_path, 1).unseal(blob, PIN)
    assert tpm.status().failures == 1
    with pytest.raises(Cut):
        cutting(tmp_path, 0).unseal(blob, "000000")
    assert tpm.status().failures == 1


def test_trying_a_pin_takes_time(tpm: SoftTpm) -> None:
    blob, began = tpm.seal(b"secret", PIN), time.process_time()
    tpm.unseal(blob, PIN)
    assert time.process_time() - began > 0.02


# Counters and the store


def test_a_counter_steps_by_one_and_survives_reopening(tpm: SoftTpm, tmp_path: Path, clock: Clock) -> None:
    first = tpm.counter("updates")
    assert tpm.increment("updates") == first + 1
    assert reopened(tmp_path, clock).increment("updates") == first + 2
    assert tpm.counter("others") == first


def test_a_cut_within_an_increment_leaves_the_value_before(tpm: SoftTpm, tmp_path: Path) -> None:
    tpm.increment("updates")
    with pytest.raises(Cut):
        cutting(tmp_path, 0).increment("updates")
    assert tpm.counter("updates") == 1
    assert tpm.increment("updates") == 2


def test_the_store_keeps_what_it_was_given_last(tpm: SoftTpm, tmp_path: Path, clock: Clock) -> None:
    assert tpm.load("head") is None
    tpm.store("head", b"one")
    tpm.store("head", b"two")
    assert reopened(tmp_path, clock).load("head") == b"two"
    with pytest.raises(Misuse, match="at most"):
        tpm.store("head", bytes(2049))


@pytest.mark.parametrize("name", ["", "Upper", "with/slash", "..", "-first", "x" * 65, "a\0b"])
def test_names_lead_nowhere_else(tpm: SoftTpm, name: str) -> None:
    with pytest.raises(Misuse, match="no name"):
        tpm.store(name, b"")


# The directory


def test_every_damaged_entry_is_noticed(tpm: SoftTpm, tmp_path: Path) -> None:
    tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    tpm.increment("updates")
    tpm.store("head", b"value")
    uses: dict[str, Callable[[], object]] = {
        "public-identity": lambda: tpm.public("identity"),
        "counter-updates": lambda: tpm.counter("updates"),
        "store-head": lambda: tpm.load("head"),
    }
    for name, use in uses.items():
        path = tmp_path / "tpm" / name
        good = path.read_bytes()
        for bad in (good[:-1], b"", bytes([good[0] ^ 1]) + good[1:], good + b"\0"):
            path.write_bytes(bad)
            with refused(Code.TPM_UNAVAILABLE):
                use()
        path.write_bytes(good)
        use()


def test_an_entry_moved_to_another_name_does_not_open(tpm: SoftTpm, tmp_path: Path) -> None:
    tpm.store("old", b"value")
    os.rename(tmp_path / "tpm/store-old", tmp_path / "tpm/store-new")
    with refused(Code.TPM_UNAVAILABLE):
        tpm.load("new")
    tpm.increment("low")
    for _ in range(3):
        tpm.increment("high")
    (tmp_path / "tpm/counter-high").write_bytes((tmp_path / "tpm/counter-low").read_bytes())
    with refused(Code.TPM_UNAVAILABLE):
        tpm.counter("high")


def test_nobody_else_may_read_the_directory(tpm: SoftTpm, tmp_path: Path, clock: Clock) -> None:
    tpm.create("identity", KeyKind.SIGN_P256, OWNER)
    folder = tmp_path / "tpm"
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for path in (folder, folder / "machine-secret"):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | 0o040)
        with refused(Code.TPM_UNAVAILABLE):
            reopened(tmp_path, clock)
        path.chmod(mode)


def test_a_directory_that_others_may_read_gets_no_tpm(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "tpm").mkdir(mode=0o755)
    with refused(Code.TPM_UNAVAILABLE):
        SoftTpm.make(tmp_path / "tpm", clock)
    (tmp_path / "tpm").chmod(0o700)
    SoftTpm.make(tmp_path / "tpm", clock)


def test_a_machine_secret_that_is_gone_damaged_or_another_one_opens_nothing(
    tpm: SoftTpm, tmp_path: Path, clock: Clock
) -> None:
    tpm.store("head", b"value")
    secret = tmp_path / "tpm/machine-secret"
    secret.write_bytes(bytes(32))
    with refused(Code.TPM_UNAVAILABLE):
        reopened(tmp_path, clock).load("head")
    secret.write_bytes(b"short")
    with refused(Code.TPM_UNAVAILABLE):
        reopened(tmp_path, clock)
    secret.unlink()
    with refused(Code.TPM_UNAVAILABLE):
        reopened(tmp_path, clock)


def test_a_tpm_that_vanished_while_it_was_open_says_so(tpm: SoftTpm, tmp_path: Path) -> None:
    os.rename(tmp_path / "tpm", tmp_path / "elsewhere")
    with refused(Code.TPM_UNAVAILABLE):
        tpm.increment("updates")


def test_a_full_disk_is_the_tpms_refusal_and_leaves_the_old_value(tpm: SoftTpm, tmp_path: Path) -> None:
    tpm.increment("updates")

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with refused(Code.TPM_UNAVAILABLE):
        SoftTpm.load_from(tmp_path / "tpm", lambda: 0, full).increment("updates")
    assert tpm.counter("updates") == 1


def test_there_is_one_tpm_in_a_directory_and_its_uri_names_it(tmp_path: Path, clock: Clock) -> None:
    open_tpm("soft-in-process:tpm", create=True, now=clock, folder=tmp_path).store("head", b"value")
    with pytest.raises(Misuse, match="already"):
        open_tpm("soft-in-process:tpm", create=True, now=clock, folder=tmp_path)
    assert open_tpm("soft-in-process:tpm", create=False, now=clock, folder=tmp_path).load("head") == b"value"
    for uri in ("soft:", "chip:0", "tpm2"):
        with pytest.raises((Misuse, Refusal)):
            open_tpm(uri, create=False, now=clock, folder=tmp_path)


def test_a_right_pin_forgives_nobody_elses_wrong_ones(tmp_path: Path) -> None:
    tpm = SoftTpm.make(tmp_path / "tpm", lambda: 1_000_000)
    victim, own = tpm.seal(b"secret", "271828"), tpm.seal(b"mine", "1111")
    for _ in range(ALLOWED):
        with refused(Code.PIN_WRONG):
            tpm.unseal(victim, "0000")
        assert tpm.unseal(own, "1111") == b"mine"
    with refused(Code.TPM_LOCKED):
        tpm.unseal(victim, "271828")
    assert tpm.unseal(own, "1111") == b"mine"
    assert tpm.status().failures == ALLOWED
