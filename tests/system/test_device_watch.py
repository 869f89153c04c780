"""`updatebox device watch` on a machine with udev: a stick that is plugged in is all it takes."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.daemon import Daemon, daemon
from tests.system.hostile_sticks import DAMAGES, change_payload
from tests.system.loop_ports import Port, port
from tests.system.workshop import DEVICE_ID, PRODUCT, PROGRAM, Workshop
from tests.tools import require, require_root

pytestmark = pytest.mark.serial

IMAGE = random.Random(21).randbytes(3_000_000)
SLOT_SIZE = 4 << 20
STICK_SIZE = 40 << 20


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A stick for a device that runs nothing yet."""
    workshop = Workshop(tmp_path_factory.mktemp("watch") / "shop")
    workshop.folder.mkdir()
    workshop.enrol(["rootfs"], SLOT_SIZE, "--no-udev")
    workshop.path("image").write_bytes(IMAGE)
    workshop.release("2.0", {"rootfs": workshop.path("image")})
    workshop.deliver(workshop.stick("stick.img", STICK_SIZE))
    return workshop


@pytest.fixture
def workshop(delivered: Workshop, tmp_path: Path) -> Workshop:
    return Workshop(Path(shutil.copytree(delivered.folder, tmp_path / "shop")))


@pytest.fixture
def stick_port() -> Iterator[Port]:
    with port() as made:
        yield made


@pytest.fixture
def second_port() -> Iterator[Port]:
    with port() as made:
        yield made


def look_at(workshop: Workshop, *ports: Port) -> None:
    """Name loop devices in the device's configuration, as media that udev tells of."""
    path = workshop.path("device/device.toml")
    names = ", ".join(f'"{each.device}"' for each in ports)
    text = path.read_text().replace("loops = []", f"loops = [{names}]").replace("udev = false", "udev = true")
    path.write_text(text)


def watch_folder(workshop: Workshop) -> Path:
    """A directory below which media are mounted, named in the device's configuration."""
    folder = workshop.path("media")
    folder.mkdir()
    path = workshop.path("device/device.toml")
    path.write_text(path.read_text().replace("directories = []", f'directories = ["{folder}"]'))
    return folder


@contextmanager
def watching(workshop: Workshop) -> Iterator[Daemon]:
    with daemon(PROGRAM, "device", "watch", workshop.path("device")) as agent:
        agent.expect("watching for media")
        yield agent


def installed(workshop: Workshop) -> bool:
    return any(bank.read_bytes().startswith(IMAGE) for bank in workshop.banks("rootfs"))


def outcomes(workshop: Workshop, medium: Path) -> list[str]:
    """What the receipts on a medium say, as the box reads them."""
    found = workshop.at_home("box", "collect", "box", medium)["receipts"]
    assert [entry["refusal"] for entry in found] == [None] * len(found)
    return [entry["receipt"]["outcome"] for entry in found]


def asked(workshop: Workshop, medium: Path) -> list[tuple[str, int]]:
    """Which requests on a medium the box admits: the device and the request's counter."""
    found = workshop.at_home("box", "admit", "box", medium)["requests"]
    return [(entry["device_id"], entry["counter"]) for entry in found if entry["code"] is None]


def copied_out(workshop: Workshop) -> Path:
    """The stick's files in a directory, as mtools reads them: what a system's own mount would show."""
    folder = workshop.path("mounted")
    folder.mkdir()
    subprocess.run(
        [require("mcopy"), "-s", "-i", workshop.path("stick.img"), "::UPDATEBX", folder], check=True
    )
    return folder


def enrol_another(workshop: Workshop, name: str) -> None:
    """A second device of the same kind, in a directory of its name."""
    kind = ("--product", PRODUCT, "--hardware", "rev-c", "--slot", "rootfs=a,b", "--slot-size", SLOT_SIZE)
    workshop.at_home("device", "init", name, "--id", name, *kind)
    request = ("--csr", f"{name}/enrolment.req", "--out", f"{name}.pem")
    workshop.at_home("vendor", "enrol", "device", "vendor", *request, *workshop.passphrase())
    workshop.at_home("device", "certs", name, "--install", f"{name}.pem")


def test_a_stick_that_is_plugged_in_is_installed_and_answered(workshop: Workshop, stick_port: Port) -> None:
    stick = workshop.path("stick.img")
    ((_, counter),) = asked(workshop, stick)
    look_at(workshop, stick_port)
    with watching(workshop) as agent:
        stick_port.plug_in(stick)
        agent.expect(str(stick_port.device), "2.0 is installed")
        stick_port.pull_out()

    assert installed(workshop)
    assert outcomes(workshop, stick) == ["installed"]
    ((name, next_counter),) = asked(workshop, stick)
    assert (name, next_counter > counter) == (DEVICE_ID, True)
    checked = subprocess.run([require("fsck.fat"), "-n", stick], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_a_stick_that_was_there_before_the_agent_is_installed(workshop: Workshop, stick_port: Port) -> None:
    look_at(workshop, stick_port)
    stick_port.plug_in(workshop.path("stick.img"))
    with watching(workshop) as agent:
        agent.expect(str(stick_port.device), "2.0 is installed")
    assert installed(workshop)


def test_a_stick_that_stays_is_dealt_with_once(
    workshop: Workshop, stick_port: Port, second_port: Port
) -> None:
    look_at(workshop, stick_port, second_port)
    with watching(workshop) as agent:
        stick_port.plug_in(workshop.path("stick.img"))
        agent.expect(str(stick_port.device), "2.0 is installed")
        settle()  # the agent's own writing makes events too
        second_port.plug_in(workshop.stick("empty.img", STICK_SIZE))
        agent.expect(str(second_port.device), "no package")
        agent.stop()

    about_it = [line for line in agent.said if line.startswith(f"{stick_port.device}: ")]
    assert len(about_it) == 1, agent.said
    assert outcomes(workshop, workshop.path("stick.img")) == ["installed"]


def test_a_stick_without_a_package_leaves_with_a_request(workshop: Workshop, stick_port: Port) -> None:
    empty = workshop.stick("empty.img", STICK_SIZE)
    look_at(workshop, stick_port)
    with watching(workshop) as agent:
        stick_port.plug_in(empty)
        agent.expect(str(stick_port.device), "no package")
        stick_port.pull_out()
    assert [name for name, _ in asked(workshop, empty)] == [DEVICE_ID]


def test_a_stick_with_another_devices_request_leaves_with_this_ones_too(
    workshop: Workshop, stick_port: Port
) -> None:
    shared = workshop.stick("shared.img", STICK_SIZE)
    enrol_another(workshop, "pump-8")
    workshop.at_home("device", "request", "pump-8", shared)
    look_at(workshop, stick_port)
    with watching(workshop) as agent:
        stick_port.plug_in(shared)
        agent.expect(str(stick_port.device), "no package")
        stick_port.pull_out()
    assert sorted(name for name, _ in asked(workshop, shared)) == [DEVICE_ID, "pump-8"]


def test_a_loop_device_that_the_configuration_does_not_name_is_passed_over(
    workshop: Workshop, stick_port: Port, second_port: Port
) -> None:
    stick = workshop.path("stick.img")
    before = stick.read_bytes()
    look_at(workshop, second_port)
    with watching(workshop) as agent:
        stick_port.plug_in(stick)
        agent.expect(str(stick_port.device), "passed over")
        stick_port.pull_out()
    assert stick.read_bytes() == before
    assert not installed(workshop)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hostile_stick_does_not_end_the_agent(workshop: Workshop, stick_port: Port, damage: str) -> None:
    hostile = workshop.stick("hostile.img", STICK_SIZE)
    DAMAGES[damage](hostile)
    look_at(workshop, stick_port)
    with watching(workshop) as agent:
        stick_port.plug_in(hostile)
        agent.expect(str(stick_port.device), "medium-unreadable")
        stick_port.pull_out()
        stick_port.plug_in(workshop.path("stick.img"))
        agent.expect(str(stick_port.device), "2.0 is installed")
        agent.stop()
    assert not any("Traceback" in line for line in agent.said)


def test_a_changed_stick_is_refused_and_the_refusal_is_on_it(workshop: Workshop, stick_port: Port) -> None:
    stick = workshop.path("stick.img")
    change_payload(stick)
    look_at(workshop, stick_port)
    with watching(workshop) as agent:
        stick_port.plug_in(stick)
        agent.expect(str(stick_port.device), "decryption-failed")
        agent.expect(str(stick_port.device), "decryption-failed")
        stick_port.pull_out()
    assert not installed(workshop)
    assert outcomes(workshop, stick) == ["refused"]


def test_a_stick_mounted_below_a_watched_directory_is_installed(workshop: Workshop) -> None:
    require_root()
    folder, stick = watch_folder(workshop), copied_out(workshop)
    place = folder / "UPDATES"
    place.mkdir()
    with watching(workshop) as agent:
        subprocess.run([require("mount"), "--bind", stick, place], check=True)
        try:
            agent.expect(str(place), "2.0 is installed")
        finally:
            subprocess.run([require("umount"), place], check=True)
    assert installed(workshop)
    assert outcomes(workshop, stick) == ["installed"]
    assert [name for name, _ in asked(workshop, stick)] == [DEVICE_ID]


def test_a_folder_moved_below_a_watched_directory_is_installed_once(workshop: Workshop) -> None:
    folder, stick = watch_folder(workshop), copied_out(workshop)
    with watching(workshop) as agent:
        place = Path(shutil.move(stick, folder / "stick"))
        agent.expect(str(place), "2.0 is installed")
        (folder / "other/UPDATEBX").mkdir(parents=True)
        agent.expect(str(folder / "other"), "no package")
        agent.stop()
    assert len([line for line in agent.said if line.startswith(f"{place}: ")]) == 1, agent.said
    assert outcomes(workshop, place) == ["installed"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_agent_in_good_order(workshop: Workshop, number: signal.Signals) -> None:
    watch_folder(workshop)
    with watching(workshop) as agent:
        assert agent.stop(number) == 0
    assert not any("Traceback" in line for line in agent.said)


def test_a_signal_at_some_moment_of_an_install_costs_nothing(workshop: Workshop) -> None:
    folder, stick = watch_folder(workshop), copied_out(workshop)
    with watching(workshop) as agent:
        shutil.move(stick, folder / "stick")
        assert agent.stop() == 0
    again = workshop.command("device", "apply", "device", folder / "stick")
    subprocess.run(again, **workshop.plainly())  # does what the agent had not begun; refused if it had ended
    assert installed(workshop)
    assert outcomes(workshop, folder / "stick")[:1] == ["installed"]


def settle() -> None:
    """Return when udev has told of everything that has happened so far."""
    subprocess.run([require("udevadm"), "settle", "--timeout=60"], check=True)
