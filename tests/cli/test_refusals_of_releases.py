"""Which release may follow which, and on what: the key chain, hardware, regions, room, formats."""

from __future__ import annotations

from media_format import cbor, limits
from media_format.refusal import ADVICE, Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses_and_reports, says
from tests.cli.state import device_state
from tests.cli.workshop import SLOT_SIZE, Workshop, mounted, run


def _write_again(shop: Workshop) -> tuple[object, ...]:
    """A write whose request is no news to the box, so that a refusal leaves everything as it was."""
    shop.do("box", "admit", shop.box, shop.stick)
    return "write", shop.box, shop.stick, "--device", "PUMP-1", *shop.pin()


def test_a_box_does_not_write_an_older_release(upgraded: Workshop) -> None:
    digest = upgraded.release_digest("1.0.0")
    box_refuses(upgraded, Code.ROLLBACK, *_write_again(upgraded), "--release", digest)


def test_a_device_does_not_install_an_older_release_from_a_subverted_box(upgraded: Workshop) -> None:
    attacker.deliver_anyway(upgraded, "1.0.0")
    device_refuses_and_reports(upgraded, Code.ROLLBACK)


def test_a_device_does_not_return_below_the_security_floor(running: Workshop) -> None:
    running.release("1.2.0", "--security-floor", 3)
    running.write()
    running.install()
    before = device_state(running.device)
    says(run("device", "rollback", running.device, "--json"), Code.ROLLBACK)
    assert device_state(running.device) == before


def test_a_retired_release_is_not_installed(running: Workshop) -> None:
    running.release("1.2.0", "--security-floor", 3)
    running.write()
    running.install()
    running.fresh_stick()
    running.ask()
    attacker.deliver_anyway(running, "1.1.0")
    device_refuses_and_reports(running, Code.SIGNER_SUPERSEDED)


def test_an_old_signer_cannot_sign_a_newer_release(running: Workshop) -> None:
    running.write()
    with mounted(running.stick) as volume:
        attacker.forge(running, volume, signer_index=1, index=9, version="9.9.9")
    device_refuses_and_reports(running, Code.SIGNER_SUPERSEDED)


def test_a_second_release_in_the_place_of_the_confirmed_one_is_not_installed(running: Workshop) -> None:
    running.write("--release", running.release_digest("1.0.0"))
    with mounted(running.stick) as volume:
        attacker.forge(running, volume, notes="The same, but not quite.")
    device_refuses_and_reports(running, Code.EQUIVOCATION)


def test_the_release_that_runs_undamaged_is_not_installed_again(running: Workshop) -> None:
    running.write("--release", running.release_digest("1.0.0"))
    device_refuses_and_reports(running, Code.ALREADY_INSTALLED)


def test_a_box_has_nothing_for_a_device_that_runs_the_newest(upgraded: Workshop) -> None:
    box_refuses(upgraded, Code.ALREADY_INSTALLED, *_write_again(upgraded))


def test_a_release_that_failed_here_is_not_tried_again(running: Workshop) -> None:
    running.write()
    running.do("device", "apply", running.device, running.stick)
    running.do("device", "verify-boot", running.device)
    running.do("device", "rollback", running.device)
    running.fresh_stick()
    running.ask()
    running.write()
    device_refuses_and_reports(running, Code.PREVIOUSLY_FAILED)
    running.do("device", "apply", running.device, running.stick, "--retry")


def test_a_box_does_not_write_a_release_for_other_hardware(running: Workshop) -> None:
    running.release("2.0.0", "--hardware", "rev-z")
    digest = running.release_digest("2.0.0")
    box_refuses(running, Code.INCOMPATIBLE_HARDWARE, *_write_again(running), "--release", digest)


def test_a_device_does_not_install_a_release_for_other_hardware(running: Workshop) -> None:
    running.write()
    with mounted(running.stick) as volume:
        attacker.forge(running, volume, hardware=("rev-z",))
    device_refuses_and_reports(running, Code.INCOMPATIBLE_HARDWARE)


def _release_without_a_slot(shop: Workshop) -> str:
    """A release for a slot that PUMP-1 does not have; returns its digest."""
    loader = shop.folder / "loader.img"
    loader.write_bytes(b"boot me" * 1000)
    shop.release("1.2.0", "--component", f"boot-indicator={loader}", "--new-slot")
    return shop.release_digest("1.2.0")


def _release_without_room(shop: Workshop) -> str:
    """A release that is a byte larger than PUMP-1's slot; returns its digest."""
    shop.release("1.2.0", image=b"\1" * (SLOT_SIZE + 1))
    return shop.release_digest("1.2.0")


def test_a_release_that_names_what_is_no_slot_is_not_installed(running: Workshop) -> None:
    _release_without_a_slot(running)
    attacker.deliver_anyway(running, "1.2.0")
    device_refuses_and_reports(running, Code.REGION_FORBIDDEN)


def test_a_box_does_not_write_a_release_that_names_what_is_no_slot(running: Workshop) -> None:
    digest = _release_without_a_slot(running)
    box_refuses(running, Code.REGION_FORBIDDEN, *_write_again(running), "--release", digest)


def test_a_release_larger_than_the_slot_is_not_installed(running: Workshop) -> None:
    _release_without_room(running)
    attacker.deliver_anyway(running, "1.2.0")
    device_refuses_and_reports(running, Code.NO_SPACE)


def test_a_box_does_not_write_a_release_larger_than_the_slot(running: Workshop) -> None:
    digest = _release_without_room(running)
    box_refuses(running, Code.NO_SPACE, *_write_again(running), "--release", digest)


def test_a_box_does_not_write_chunks_that_the_device_has_no_memory_for(running: Workshop) -> None:
    running.release("1.2.0", "--chunk-size", 2 * limits.MIB)
    digest = running.release_digest("1.2.0")
    box_refuses(running, Code.TOO_LARGE, *_write_again(running), "--release", digest)


def test_a_box_says_why_it_has_nothing_where_nothing_newer_fits(upgraded: Workshop) -> None:
    _release_without_room(upgraded)
    box_refuses(upgraded, Code.NO_SPACE, *_write_again(upgraded))


def test_a_box_says_at_once_which_release_does_not_fit_the_device(running: Workshop) -> None:
    _release_without_room(running)
    said = run("box", "admit", running.box, running.stick)
    assert said.status == 0, said.err
    assert "runs 1.0.0 and can get 1.1.0, not 1.2.0." in said.out
    end = SLOT_SIZE + 1
    assert (
        f"no-space: PUMP-1 cannot install 1.2.0: 'rootfs' ends at {end}, its slot at {SLOT_SIZE}" in said.out
    )
    assert ADVICE[Code.NO_SPACE] in said.out


def test_a_manifest_larger_than_any_is_not_read(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.replace_part(
            volume, "MANIFEST.CBR", bytes(limits.MAX_MANIFEST + limits.MAX_SIGN_OVERHEAD + 1)
        )
    device_refuses_and_reports(delivered, Code.TOO_LARGE)


def test_a_release_in_a_format_of_the_future_is_not_installed(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        payload = attacker.take_apart(volume).manifest.to_bytes()
        fields = cbor.decode(payload, len(payload), "manifest")
        assert isinstance(fields, dict)
        attacker.forge_payload(delivered, volume, cbor.encode({**fields, 1: 2}), 1)
    device_refuses_and_reports(delivered, Code.UNSUPPORTED_FORMAT)


def test_a_box_does_not_use_a_mode_that_the_policy_forbids(delivered: Workshop) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, Code.UNSUPPORTED_FORMAT, *write, "--mode", "signed")
