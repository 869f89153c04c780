"""A program that shows a PIN to a box whose TPM takes its time: until a line comes in.

Arguments: the box's folder, who, the PIN. It says when the TPM begins, and then who unlocked the box, or the
code of the refusal.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from appliance.box import BoxService
from appliance.box.machine import Machine
from appliance.tpm import Tpm
from media_format.refusal import Refusal

STRETCHING = "stretching"


class SlowTpm:
    """A TPM that opens something when it is told to, and else is as any other."""

    def __init__(self, tpm: Tpm) -> None:
        self._tpm = tpm

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tpm, name)

    def unseal(self, blob: bytes, pin: str | None) -> bytes:
        print(STRETCHING, flush=True)
        sys.stdin.readline()
        return self._tpm.unseal(blob, pin)


def main(folder: Path, user: str, pin: str) -> None:
    machine = Machine.open(folder, lambda: int(time.time()))
    service = BoxService(Machine(folder, machine.configuration, SlowTpm(machine.tpm), machine.store))
    try:
        print(service.unlock(user, pin).user)
    except Refusal as refusal:
        print(refusal.code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
