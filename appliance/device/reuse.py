"""Re-use: which of the releases that run may be a base for others, for requests and for judging packages."""

from __future__ import annotations

from appliance.device.base import fits
from appliance.device.machine import Machine


def bases(machine: Machine) -> frozenset[bytes]:
    """The manifest digests of the releases that run and from which chunks may be taken.

    One that failed as a base is none any more until it is installed anew: were it, a box would be asked
    for the same package again and again. None of them was measured yet.
    """
    running = {content.manifest_digest for content in machine.contents(machine.running())}
    found = set()
    for digest in running - machine.unfit.all():
        manifest = machine.installed.described(digest)
        if manifest is not None and fits(manifest):
            found.add(digest)
    return frozenset(found)


def asked(machine: Machine) -> bool:
    """Whether a request says that the device can take chunks from what runs.

    Not where one of the releases that run is no base: the box could not tell it from the others.
    """
    running = {content.manifest_digest for content in machine.contents(machine.running())}
    return machine.configuration.reuse and bool(running) and bases(machine) == running
