"""What the demo proposes at its end works as it is printed."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.daemon import daemon
from tests.system.terminal import terminal
from tests.system.workshop import PROGRAM

pytestmark = pytest.mark.xdist_group("demo")  # one worker runs the demo for all


@dataclass(frozen=True, slots=True)
class Demo:
    """A finished demo in a directory of its own, and the command lines it printed."""

    folder: Path
    commands: tuple[str, ...]

    def command(self, *words: str) -> list[str]:
        """The printed command that holds these words one after another."""
        found = [line for line in self.commands if f" {' '.join(words)} " in f" {line} "]
        assert len(found) == 1, (words, self.commands)
        return shlex.split(found[0])

    def run(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words), cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def version(self, device: str) -> Any:
        """What a device runs or is about to run."""
        said = subprocess.run(
            [PROGRAM, "device", "status", self.folder / "demo" / device, "--json"], capture_output=True
        )
        status = json.loads(said.stdout)["status"]
        return status["pending"] or status["version"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo as `make demo` runs it: from the folder above, with the program named by its path."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "firmware").write_bytes(b"firmware" * 1000)
    done = subprocess.run(
        [PROGRAM, "demo", "demo/", "--firmware", "firmware"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.strip() for line in done.stdout.splitlines())
    return Demo(folder, tuple(line for line in lines if line.startswith((str(PROGRAM), "mv "))))


@pytest.fixture
def demo(finished: Demo, tmp_path: Path) -> Demo:
    """A demo for one test: the commands are relative to the folder, the watched port is not."""
    copy = Path(shutil.copytree(finished.folder, tmp_path / "copy"))
    configuration = copy / "demo/device-2/device.toml"
    configuration.write_text(configuration.read_text().replace(str(finished.folder), str(copy)))
    return Demo(copy, finished.commands)


def test_the_stick_explains_itself(demo: Demo) -> None:
    assert "PUMP-0001" in demo.run("inspect")


def test_the_kiosk_writes_the_stick_and_the_device_takes_it(demo: Demo) -> None:
    kiosk = shlex.join(["env", "-C", str(demo.folder), *demo.command("tui")])
    with terminal(demo.folder, kiosk) as screen:
        screen.expect("PIN")
        screen.type("271828", "Enter")
        screen.expect("1.1.0 → 1.2.0")
        screen.type("Enter")
        screen.expect("Write now")
        screen.type("Enter")
        screen.expect("SAFE TO REMOVE")
    demo.run("device", "apply")
    assert demo.version("device") == "1.2.0"


def test_a_watching_device_takes_the_stick_that_is_moved_to_its_port(demo: Demo) -> None:
    with daemon("env", "-C", demo.folder, *demo.command("device", "watch")) as agent:
        agent.expect("watching for media")
        demo.run("box", "write")
        demo.run("mv")
        agent.expect("1.2.0 is installed")
        assert agent.stop() == 0
    assert demo.version("device-2") == "1.2.0"
