"""Every process of the program while keys are in use: private keys are in the keystores' memory only."""

from __future__ import annotations

import os
import random
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.system.held import CONTROL, child_of, keystore, search, stopped, uses, wait_for
from tests.system.loop_ports import port
from tests.system.terminal import terminal
from tests.system.workshop import DEVICE_ID, PROGRAM, Workshop, answer
from tests.tools import require_root

IMAGE = random.Random(8).randbytes(12 << 20)
SLOT_SIZE = 16 << 20
STICK_SIZE = 40 << 20
COURIER = "appliance.media.courier"
MEDIA_SERVICE = (sys.executable, "-I", "-m", "appliance.media.service", "--socket")
RIGHT = ("box PIN", "box authorisation")
"""What the box's own process has too: who unlocked it, and the right to have keys used."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The device can install 1.0 from stick.img, and the box can write it to other.img."""
    shop = Workshop(tmp_path_factory.mktemp("memory") / "shop")
    shop.folder.mkdir()
    shop.enrol(["rootfs"], SLOT_SIZE, "--no-udev")
    shop.path("image").write_bytes(IMAGE)
    shop.release("1.0", {"rootfs": shop.path("image")})
    other, stick = shop.stick("other.img", STICK_SIZE), shop.stick("stick.img", STICK_SIZE)
    shop.deliver(stick)
    shop.on_the_device("request", other)
    shop.at_home("box", "admit", "box", other)
    return shop


@dataclass(frozen=True, slots=True)
class Scene:
    """A workshop with a PIN that lies nowhere by chance, and with keystores that are there already."""

    shop: Workshop
    pin: str
    control: str
    keystores: dict[str, int]

    def start(self, *words: object) -> subprocess.Popen[str]:
        """A verb in the background."""
        return subprocess.Popen(
            self.shop.command(*words),
            cwd=self.shop.folder,
            env=os.environ | {CONTROL: self.control},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def busy(self, role: str, pid: int) -> None:
        """Wait until a process has opened its content key and signed or counted; hold its keystore there."""
        machine, step = self.shop.path(role), {"box": "sign", "device": "increment"}[role]
        wait_for(lambda: uses(machine, pid, "open") and uses(machine, pid, step), f"the {role} at work")
        os.kill(self.keystores[role], signal.SIGSTOP)


@pytest.fixture
def scene(made: Workshop, tmp_path: Path) -> Iterator[Scene]:
    require_root()
    shop = Workshop(Path(shutil.copytree(made.folder, tmp_path / "shop")))
    pin, control = "".join(secrets.choice("0123456789") for _ in range(24)), secrets.token_hex(24)
    with (
        keystore(shop.path("box"), control) as of_box,
        keystore(shop.path("device"), control) as of_device,
    ):
        shop.path("new-pin").write_text(f"{pin}\n")
        shop.at_home("box", "user", "reset", "box", "supervisor", *shop.pin(), "--new-pin-file", "new-pin")
        shop.path("new-pin").rename(shop.path("pin"))
        yield Scene(shop, pin, control, {"box": of_box, "device": of_device})


def check(scene: Scene, box_process: int, others: dict[int, str]) -> None:
    """Look into every process while all of them stand still. `others` have a text that is surely there."""
    controls = others | {pid: scene.control for pid in (box_process, *scene.keystores.values())}
    with search(scene.shop, scene.pin) as searching, stopped(list(controls)):
        assert len(searching.names) == 11
        found = searching.look(controls)
    for role, pid in scene.keystores.items():
        assert found[pid][f"{role} machine secret"] > 0
    assert found[box_process]["box authorisation"] > 0
    for pid, counts in found.items():
        assert counts.pop("control") > 0, f"the search does not see the memory of process {pid}"
        allowed = {name for name in searching.names if pid == scene.keystores.get(name.split()[0])}
        allowed |= set(RIGHT) if pid == box_process else set()
        assert {name for name, count in counts.items() if count} <= allowed, pid


def leaves_no_core(pids: list[int]) -> None:
    for pid in pids:
        assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text()), pid


def test_a_writing_box_an_installing_device_and_the_media_service_hold_no_private_key(scene: Scene) -> None:
    shop = scene.shop
    with ExitStack() as stack:
        service = stack.enter_context(media_service(scene.control))
        write = scene.start("box", "write", "box", "other.img", "--device", DEVICE_ID, *shop.pin())
        stack.enter_context(write)
        scene.busy("box", write.pid)
        apply = stack.enter_context(scene.start("device", "apply", "device", "stick.img"))
        scene.busy("device", apply.pid)
        couriers = {child_of(write.pid, COURIER): "other.img", child_of(apply.pid, COURIER): "stick.img"}
        others = {pid: text for pid, text in couriers.items() if pid is not None}
        assert len(others) == 2
        check(scene, write.pid, {**others, apply.pid: scene.control, service: scene.control})
        leaves_no_core([write.pid, apply.pid, service, *others, *scene.keystores.values()])
        for process in (write, apply):
            out, err = process.communicate(timeout=120)
            answer(subprocess.CompletedProcess(process.args, process.returncode, out, err))


@pytest.mark.serial
def test_a_writing_kiosk_and_an_agent_that_installs_hold_no_private_key(scene: Scene) -> None:
    shop = scene.shop
    words = ("env", f"{CONTROL}={scene.control}", PROGRAM, "tui", shop.path("box"), "--no-udev")
    kiosk = shlex.join(map(str, (*words, "--medium", shop.path("other.img"))))
    with terminal(shop.folder, f"exec {kiosk}") as screen, port() as stick_port, ExitStack() as stack:
        screen.expect("Type your PIN")
        screen.type(scene.pin, "Enter")
        screen.expect("Press Enter.")
        screen.type("Enter")
        screen.expect("Enter Write now")
        screen.type("Enter")
        pid = wait_for(lambda: process_with(scene.control, "tui"), "the kiosk's process")
        scene.busy("box", pid)
        look_at(shop, stick_port.device)
        agent = scene.start("device", "watch", "device", "--once")
        stack.callback(agent.communicate)
        stick_port.plug_in(shop.path("stick.img"))
        scene.busy("device", agent.pid)
        courier, of_agent = child_of(pid, COURIER), child_of(agent.pid, COURIER)
        assert courier is not None and of_agent is not None
        others = {courier: "other.img", of_agent: stick_port.device.name, agent.pid: scene.control}
        check(scene, pid, others)
        leaves_no_core([pid, *others])
        screen.expect("SAFE TO REMOVE")
        assert agent.wait(120) == 0


PROGRAMS = {
    "updatebox": "from appliance.cli.main import main\nmain(['--version'], standalone_mode=False)",
    "media service": "from appliance.media.service.__main__ import main\n"
    "sys.argv = ['service', '--user', 'root', '--socket', '/proc/none/socket']\nmain()",
    "another program": "pass",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_closes_its_memory_to_others_of_its_user(program: str) -> None:
    shown = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    script = f"import sys\n{PROGRAMS[program]}\n{shown}"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60)
    dumpable = "1" if program == "another program" else "0"
    assert done.stdout.splitlines()[-1:] == [dumpable], done.stderr


@contextmanager
def media_service(control: str) -> Iterator[int]:
    """The media service's process, which listens."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "media.sock"
        process = stack.enter_context(
            subprocess.Popen(
                [*MEDIA_SERVICE, str(place), "--user", "root"],
                stdout=subprocess.PIPE,
                env=os.environ | {CONTROL: control},
            )
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"listening")
        yield process.pid


def process_with(control: str, verb: str) -> int | None:
    """The process that has the control in its environment and a verb in its command line."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            found = control.encode() in (path / "environ").read_bytes()
            if found and verb.encode() in (path / "cmdline").read_bytes().split(b"\0"):
                return int(path.name)
        except OSError:
            continue
    return None


def look_at(shop: Workshop, device: Path) -> None:
    """Name a loop device in the device's configuration, as a medium that udev tells of."""
    path = shop.path("device/device.toml")
    text = path.read_text().replace("loops = []", f'loops = ["{device}"]')
    path.write_text(text.replace("udev = false", "udev = true"))
