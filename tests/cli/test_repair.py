"""A release that is there already: left alone while it measures right, put right where it does not."""

from __future__ import annotations

from media_format.refusal import ADVICE, Code
from tests.cli.refusals import device_refuses
from tests.cli.workshop import Workshop, firmware, mounted, package_on, put, run


def test_a_release_damaged_in_its_slot_is_installed_again(running: Workshop) -> None:
    _write_the_same(running)
    _damage(running)
    running.install()
    assert _slots(running)["a.img"][:200_000] == firmware("1.0.0")


def test_a_release_that_is_whole_is_installed_again_only_on_request(running: Workshop) -> None:
    _write_the_same(running)
    device_refuses(running, Code.ALREADY_INSTALLED)
    (package,) = running.do("device", "apply", running.device, running.stick, "--retry")["packages"]
    assert (package["outcome"], package["version"]) == ("installed", "1.0.0")


def test_a_stick_left_in_the_port_changes_nothing_and_makes_no_further_receipt(running: Workshop) -> None:
    running.write()
    running.install()
    before = _slots(running)
    for _ in range(2):
        device_refuses(running, Code.ALREADY_INSTALLED)
    assert _slots(running) == before
    assert [receipt["outcome"] for receipt in running.reported()] == ["installed", "confirmed"] * 2


def test_a_stick_left_in_the_port_waits_for_the_boot(running: Workshop) -> None:
    running.write()
    running.do("device", "apply", running.device, running.stick)
    device_refuses(running, Code.ALREADY_INSTALLED)


def test_a_used_stick_is_no_answer_for_a_slot_that_was_damaged_later(running: Workshop) -> None:
    running.write()
    running.install()
    _damage(running)
    device_refuses(running, Code.REQUEST_MISMATCH)
    assert [receipt["outcome"] for receipt in running.reported()][-2:] == ["confirmed", "refused"]


def _write_the_same(shop: Workshop) -> None:
    shop.write("--release", shop.release_digest("1.0.0"))


def _slots(shop: Workshop) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (shop.device / "slots").iterdir()}


def _damage(shop: Workshop) -> None:
    """Change one byte in both banks: one of them runs."""
    for path in (shop.device / "slots").iterdir():
        data = bytearray(path.read_bytes())
        data[1000] ^= 1
        path.write_bytes(data)


def test_an_old_package_on_the_medium_calls_for_nothing_where_a_newer_one_is_installed(
    delivered: Workshop,
) -> None:
    old, files = _package(delivered)
    delivered.install()
    delivered.release("1.1.0")
    delivered.fresh_stick()
    delivered.ask()
    delivered.write()
    with mounted(delivered.stick) as volume:
        for path, data in files.items():
            put(volume, path, data)
    said = run("device", "apply", delivered.device, delivered.stick)
    assert "1.1.0 is installed; it runs after the next boot." in said.out
    assert f"already-installed: {old}" in said.out
    assert ADVICE[Code.ALREADY_INSTALLED] not in said.out


def test_a_package_for_an_older_request_calls_for_nothing_where_a_newer_one_is_installed(
    running: Workshop,
) -> None:
    running.write()
    old, files = _package(running)
    running.release("1.2.0")
    running.write()
    running.install()
    running.release("1.3.0")
    running.ask()
    running.write()
    with mounted(running.stick) as volume:
        for path, data in files.items():
            put(volume, path, data)
    said = run("device", "apply", running.device, running.stick)
    assert "1.3.0 is installed; it runs after the next boot." in said.out
    assert f"request-mismatch: {old}" in said.out
    assert ADVICE[Code.REQUEST_MISMATCH] not in said.out
    # It names the device, so it is in a receipt all the same; the last word is what was installed.
    told = [(receipt["outcome"], receipt["code"]) for receipt in running.reported()]
    assert told[-2:] == [("refused", Code.REQUEST_MISMATCH), ("installed", None)]


def _package(shop: Workshop) -> tuple[str, dict[str, bytes]]:
    """The one package on the stick: its folder, and its files."""
    with mounted(shop.stick) as volume:
        folder = package_on(volume)
        names = [entry.name for entry in volume.list(folder)]
        return folder, {f"{folder}/{name}": volume.read_object(f"{folder}/{name}", 1 << 24) for name in names}
