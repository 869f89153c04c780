"""Processes of the program held in the middle of what they do, and what lies in their memory then."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system.workshop import Workshop
from tests.tpm.keystores import audit

PATIENCE = 60.0
CONTROL = "UPDATEBOX_TESTS_CONTROL"
"""A variable in the environment of the programs that are held, so that a search of their memory finds it."""


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something that another process does; returns it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about"
        os.sched_yield()
    return found


@contextmanager
def keystore(machine: Path, control: str, *options: str) -> Iterator[int]:
    """The keystore of a box or device, there already when the program looks for it; its process."""
    reading, writing = os.pipe()
    command = [sys.executable, "-I", "-m", "appliance.tpm.keystore", str(machine / "tpm")]
    process = subprocess.Popen(
        [*command, *options, "--ready", str(writing)],
        pass_fds=(writing,),
        env=os.environ | {CONTROL: control},
    )
    os.close(writing)
    try:
        with open(reading, "rb") as ready:
            assert ready.read() == b"ready"
        yield process.pid
    finally:
        process.kill()
        process.wait()


def child_of(parent: int, module: str) -> int | None:
    """A child of a process that runs a module of the program."""
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in children.read_text().split():
            if module in Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0"):
                return int(child)
    return None


def uses(machine: Path, pid: int, call: str) -> int:
    """How often a process has made its TPM do something."""
    lines = audit(machine / "tpm") if (machine / "tpm/audit.jsonl").exists() else []
    return sum((line["pid"], line["call"]) == (pid, call) for line in lines)


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Processes that stand still for a while."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Search:
    """The program that searches; `names` are the secrets it knows."""

    names: tuple[str, ...]
    process: subprocess.Popen[str]

    def look(self, controls: dict[int, str]) -> dict[int, dict[str, int]]:
        """How often each secret lies in each process, and the text that is surely there."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(controls) + "\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        return {int(pid): counts for pid, counts in found.items()}


@contextmanager
def search(shop: Workshop, pin: str) -> Iterator[Search]:
    """A search for the secrets of the box and the device of a workshop."""
    with closing(sqlite3.connect(shop.path("box/box.db"))) as database:
        (sealed,) = database.execute("SELECT sealed FROM users WHERE name = 'supervisor'").fetchone()
    machines = {
        "box": {"tpm": str(shop.path("box/tpm")), "pin": pin, "sealed": sealed.hex()},
        "device": {"tpm": str(shop.path("device/tpm"))},
    }
    program = Path(__file__).with_name("secret_search.py")
    with subprocess.Popen(
        [sys.executable, "-I", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(machines) + "\n")
        process.stdin.flush()
        yield Search(tuple(json.loads(process.stdout.readline())), process)
        process.kill()
