"""What people get wrong first with each verb: they are told what it was, and nothing is changed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.workshop import Workshop, run, run_program

MISTAKES = {
    # The vendor
    "vendor init {vendor} --name Again {secret}": "there is a vendor already",
    "vendor init {new} --name X --passphrase-file {short}": "at least 8 characters",
    "vendor init {new} --name X --passphrase-file {nothing}": "nothing: No such file",
    "vendor enrol box {vendor} --csr {nothing} --out {new} {secret}": "cannot be read",
    "vendor enrol box {vendor} --csr {device}/enrolment.req --out {new} {secret}": (
        "of a device, not of a box"
    ),
    "vendor enrol box {vendor} --csr {box}/enrolment.req --out {nothing}/a.pem {secret}": (
        "cannot be written: No such file"
    ),
    "vendor enrol box {vendor} --csr {box}/enrolment.req --out {empty} {secret}": (
        "is a directory; name a file"
    ),
    "vendor release {vendor} {what} --component rootfs --for {box}.pem --out {new} {secret}": "SLOT=IMAGE",
    "vendor release {vendor} {what} --component rootfs={nothing} --for {box}.pem --out {new} {secret}": (
        "cannot be read"
    ),
    "vendor release {vendor} {what} --component rootfs={image} --for {pump}.pem --out {new} {secret}": (
        "certificates of a device, not of a box"
    ),
    "vendor release {vendor} {what} --component rootfs={image} --for {image} --out {new} {secret}": (
        "is not what the vendor answers with (updatebox vendor enrol box"
    ),
    "vendor release {vendor} {what} --component rootfs={image} --for {box}.pem --out {image} {secret}": (
        "is no directory"
    ),
    "vendor release {vendor} {whole} --out {new} {secret} --chunk-size 5000": ("not a power of two"),
    "vendor release {vendor} {whole} --out {new} {secret} --install-by 5": ("has passed already"),
    "vendor revoke {vendor} {secret}": "--cert or with --serial",
    "vendor revoke {vendor} --serial 12 {secret}": "was issued here",
    "vendor revoke {vendor} --cert {image} {secret}": "holds no certificate in PEM",
    "vendor receipts {vendor} --import {nothing}": "cannot be read",
    # The box
    "box init {box} --pin-file {pin}": "there is a box already",
    "box init {new} --pin-file {short}": "at least 6 characters",
    "box init {new} --tpm tpm9:x --pin-file {pin}": "names no TPM backend",
    "box certs {box} --install {image}": "is not what the vendor answers with",
    "box certs {box} --install {pump}.pem": "certificates of a device, not of a box",
    "box import {box} {nothing} --pin-file {pin}": "there is no such medium",
    "box import {box} {empty} --pin-file {pin}": "that `updatebox vendor release` wrote to",
    "box write {box} {stick} --device NOBODY --pin-file {pin}": "admit the medium it wrote first",
    "box write {box} {stick} --device PUMP-1 --release zz --pin-file {pin}": "see: updatebox box releases",
    "box write {box} {stick} --device PUMP-1 --release aabb --pin-file {pin}": "see: updatebox box releases",
    "box write {box} {nothing} --device PUMP-1 --pin-file {pin}": "there is no such medium",
    "box write {box} {stick} --pin-file {pin}": "Missing option '--device'",
    "box write {stick} --device PUMP-1 --pin-file {pin}": "is not there: give [DIR] MEDIA",
    "box write {box} {stick} {stick} --device PUMP-1 --pin-file {pin}": "3 arguments were given",
    "box admit {box} {nothing}": "there is no such medium",
    "box admit {box} /dev/null": "a block device, a FAT image file or a directory",
    "box admit {image} {stick}": "is no directory",
    "box allow {box} --pin-file {pin}": "name a product, a line, hardware, a device or a range of ids",
    "box deny {box} --from P-1 --pin-file {pin}": "a range has a first and a last id",
    "box deny {box} --from P-9 --to P-10 --pin-file {pin}": "have one length and stand in order",
    "box deny {box} --device P-1 --from P-1 --to P-9 --pin-file {pin}": "or a range of ids, not both",
    "box rules {box} --device PUMP-1 --export {new}": "one of --device, --import and --export",
    "box rules {box} --device NOBODY": "has not asked here; describe it by",
    "box rules {box} --device NOBODY --product P": "--product, --line and --hardware, all three",
    "box rules {box} --product P": "describe the device named by --device",
    "box rules {box} --import {nothing} --pin-file {pin}": "cannot be read",
    "box user remove {box} supervisor --pin-file {pin}": "is the last supervisor",
    "box user remove {box} bob --pin-file {pin}": "there is no user 'bob'",
    "box user add {box} supervisor --role technician {pins}": "there is a user 'supervisor' already",
    "box export {box} --out {new}": "--receipts or --ledger",
    "box status {box} --pin 271828": "No such option",
    # The device
    "device init {device} --id A --product P --hardware H --slot r=a,b": "there is a device already",
    "device init {new} --id A --product P --hardware H --slot r": "NAME=A,B",
    "device init {new} --id A --product P --hardware H --slot r=a,a": "both banks are a",
    "device init {new} --id A --product P --hardware H --slot r=a,b --slot r=c,d": "named twice",
    "device init {new} --product P --hardware H --slot r=a,b": "Missing option '--id'",
    "device certs {device} --install {box}.pem": "certificates of a box, not of a device",
    "device certs {device} --install {other}.pem": "are for 'PUMP-2', not for the device",
    "device request {device} {nothing}": "there is no such medium",
    "device apply {device} {nothing}": "there is no such medium",
    "device confirm {other}": "nothing waits for confirmation",
    "device rollback {other}": "no release to go back to",
    # Anybody
    "inspect {nothing}": "there is no such file or directory",
    "inspect": "Missing argument 'PATH'",
    "devise status": "No such command",
}

ABSENT = {
    "vendor issued {empty} {secret}": "there is no vendor here; name its directory, or make one",
    "box status {empty}": "there is no box here; name its directory, or make one",
    "device status {empty}": "there is no device here; name its directory, or make one",
}


@pytest.fixture(scope="module")
def shop(_delivered: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """One workshop for all mistakes: none of them changes anything."""
    return _delivered.copy(tmp_path_factory.mktemp("mistakes") / "shop")


def filled(shop: Workshop, line: str, new: Path) -> list[str]:
    """A line with the workshop's names in it; `new` is not there yet."""
    folder = shop.folder
    (folder / "short").write_text("12\n")
    (folder / "empty").mkdir(exist_ok=True)
    names = {
        path: folder / path for path in ("vendor", "box", "device", "passphrase", "pin", "short", "empty")
    }
    return shlex.split(
        line.format(
            **names,
            stick=shop.stick,
            pump=folder / "PUMP-1",
            other=folder / "other" if "{other}.pem" not in line else folder / "PUMP-2",
            image=folder / "1.0.0.img",
            new=new,
            nothing=folder / "nothing",
            what="--product infusion-pump --version 1",
            whole=f"--product P --version 1 --component r={folder}/1.0.0.img --for {folder}/box.pem",
            pins=f"--pin-file {folder / 'pin'} --new-pin-file {folder / 'pin'}",
            secret=f"--passphrase-file {folder / 'passphrase'}",
        )
    )


@pytest.fixture(autouse=True)
def _no_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no directory is named there is nothing, whatever this machine has."""
    monkeypatch.setattr("appliance.cli.places.default_folder", lambda role: tmp_path / "default" / role)


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_named(shop: Workshop, line: str, tmp_path: Path) -> None:
    said = run(*filled(shop, line, tmp_path / "new"))
    assert (said.status, said.out) == (2, "")
    assert MISTAKES[line] in said.err
    assert list(tmp_path.glob("new/*")) == []


@pytest.mark.parametrize("line", ABSENT)
def test_where_nobody_lives_the_verb_that_changes_it_is_named(
    shop: Workshop, line: str, tmp_path: Path
) -> None:
    said = run(*filled(shop, line, tmp_path / "new"), "--json")
    assert (said.status, said.data["code"]) == (2, "misuse")
    assert ABSENT[line] in said.err


def test_a_device_that_is_not_enrolled_says_what_comes_next(tmp_path: Path) -> None:
    device = tmp_path / "device"
    slots = ("--slot", "rootfs=a.img,b.img", "--slot-size", 4096)
    run("device", "init", device, "--id", "A", "--product", "P", "--hardware", "H", *slots)
    stick = tmp_path / "stick"
    stick.mkdir()
    said = run("device", "request", device, stick)
    assert said.status == 2
    assert f"run: updatebox device certs {device} --install FILE" in said.err
    assert "Not enrolled yet" in run("device", "status", device).out
    assert "run: updatebox device certs" in run("device", "watch", device).err


def test_an_agent_with_nothing_to_watch_does_not_wait_for_ever(delivered: Workshop) -> None:
    path = delivered.device / "device.toml"
    path.write_text(path.read_text().replace("udev = true", "udev = false"))
    said = run("device", "watch", delivered.device)
    assert said.status == 2
    assert "names nothing to watch" in said.err


def test_a_stick_without_packages_is_no_error(delivered: Workshop) -> None:
    stick = delivered.fresh_stick("other.img")
    said = run("device", "apply", delivered.device, stick)
    assert said.status == 0
    assert "There is no package on the medium" in said.out


def test_the_program_says_a_mistake_in_json_too(delivered: Workshop) -> None:
    said = run_program("box", "admit", delivered.box, delivered.folder / "nothing", "--json")
    assert (said.status, said.data["ok"], said.data["code"]) == (2, False, "misuse")
    assert said.err.startswith("misuse: ")
