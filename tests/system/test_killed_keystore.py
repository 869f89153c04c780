"""A keystore that is killed while a box writes or a device installs costs at most another try."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format.package import list_packages
from media_format.refusal import ADVICE, Code
from media_format.volume import open_volume
from tests.system.held import keystore, uses, wait_for
from tests.system.workshop import DEVICE_ID, Workshop, answer
from tests.tpm.keystores import audit

IMAGE = random.Random(9).randbytes(6 << 20)
SLOT_SIZE = 8 << 20
STICK_SIZE = 40 << 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The box can answer the request on stick.img."""
    shop = Workshop(tmp_path_factory.mktemp("killed") / "shop")
    shop.folder.mkdir()
    shop.enrol(["rootfs"], SLOT_SIZE, "--no-udev")
    shop.path("image").write_bytes(IMAGE)
    shop.release("1.0", {"rootfs": shop.path("image")})
    shop.on_the_device("request", shop.stick("stick.img", STICK_SIZE))
    shop.at_home("box", "admit", "box", "stick.img")
    return shop


@pytest.fixture
def shop(made: Workshop, tmp_path: Path) -> Workshop:
    return Workshop(Path(shutil.copytree(made.folder, tmp_path / "shop")))


@contextmanager
def writing(shop: Workshop) -> Iterator[subprocess.Popen[str]]:
    """A box that has begun to write: it has opened the release and signed that it will seal it."""
    with started(shop, "box", "write", "box", "stick.img", "--device", DEVICE_ID, *shop.pin()) as process:
        wait_for(lambda: uses(shop.path("box"), process.pid, "sign"), "the box's first signature")
        yield process


@contextmanager
def started(shop: Workshop, *words: object) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        shop.command(*words),
        cwd=shop.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def packages(shop: Workshop) -> int:
    volume = open_volume(shop.path("stick.img"), writable=False)
    try:
        return len(list_packages(volume))
    finally:
        volume.close()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_a_box_goes_on_writing_with_a_new_keystore(shop: Workshop) -> None:
    with keystore(shop.path("box"), "") as pid, writing(shop) as process:
        kill(pid)
        answer(ended(process))
    assert packages(shop) == 1
    shop.on_the_device("apply", "stick.img")
    assert shop.banks("rootfs")[1].read_bytes()[: len(IMAGE)] == IMAGE


def test_a_box_whose_keystore_stays_away_leaves_the_medium_as_it_was(shop: Workshop) -> None:
    socket = shop.path("keystore.sock")
    toml = shop.path("box/box.toml")
    toml.write_text(toml.read_text().replace("soft:tpm", f"soft:{socket}"))
    with keystore(shop.path("box"), "", "--socket", str(socket)) as pid, writing(shop) as process:
        kill(pid)
        done = ended(process)
    assert (done.returncode, done.stderr.split(":")[0]) == (5, Code.TPM_UNAVAILABLE)
    assert ADVICE[Code.TPM_UNAVAILABLE] in done.stderr
    assert packages(shop) == 0
    with keystore(shop.path("box"), "", "--socket", str(socket)):
        shop.at_home("box", "write", "box", "stick.img", "--device", DEVICE_ID, *shop.pin())
        assert shop.at_home("box", "ledger", "box", "--verify")["ok"]
    assert packages(shop) == 1


@pytest.mark.parametrize("use", [1, 6, 11])
def test_a_device_ends_installed_whenever_its_keystore_is_killed(shop: Workshop, use: int) -> None:
    shop.at_home("box", "write", "box", "stick.img", "--device", DEVICE_ID, *shop.pin())
    before = lines(shop)
    with (
        keystore(shop.path("device"), "") as pid,
        started(shop, "device", "apply", "device", "stick.img") as process,
    ):
        wait_for(lambda: lines(shop) >= before + use or process.poll() is not None, f"use {use} of a key")
        kill(pid)
        done = ended(process)
    assert done.returncode == 0 or Code.TPM_UNAVAILABLE in done.stderr
    if done.returncode != 0:
        again = subprocess.run(shop.command("device", "apply", "device", "stick.img"), **shop.plainly())
        assert again.returncode == 0 or Code.ALREADY_INSTALLED in again.stderr
    assert shop.on_the_device("verify-boot")["version"] == "1.0"
    shop.on_the_device("confirm")
    status = shop.on_the_device("status")["status"]
    assert (status["version"], status["index"]) == ("1.0", 1)


def lines(shop: Workshop) -> int:
    return len(audit(shop.path("device/tpm")))
