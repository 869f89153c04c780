"""The standpoint of a device: what this very one would answer. It is asked as it is, and stays as it is.

Only its keystore writes a line about each use of a key, as it does whoever asks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.cli.clock import now
from appliance.cli.explain.judgement import Judgement, judge_list, judged, refused
from appliance.cli.explain.things import Thing
from appliance.device import applying, renewal
from appliance.device.configuration import FILE_NAME, read_configuration
from appliance.device.judging import PackageResult
from appliance.device.machine import IDENTITY, Machine
from appliance.device.reporting import believed_time
from appliance.device.storage import Storage, read_state
from appliance.tpm import Tpm, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.clock import Reading
from appliance.trust.directive import Target, admit_directive
from appliance.trust.directive_result import DirectiveResult
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.renewal import lowered_floor
from media_format.errors import MachineFault
from media_format.objects import Directive, Envelope, Manifest, Order, Receipt, Request, Role
from media_format.progress import silent
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, Volume

_MEDIUM: Final = Judgement(None, "it judges whole packages on a medium: name the medium")
_FOR_BOXES: Final = Judgement(None, "boxes read it, devices do not")


class AsDevice:
    """The device in `folder`, at the time its clocks say or, where one is given, at `at`.

    Raises Misuse where it has no certificates yet, Refusal(tpm-unavailable) where its TPM cannot be reached
    or its record does not open: without them nobody can say what it would answer.
    """

    def __init__(self, folder: Path, at: int | None) -> None:
        text = read_state(folder / FILE_NAME) or b""
        configuration = read_configuration(text.decode(errors="replace"))
        tpm: Tpm = _OnlyLooking(open_tpm(configuration.tpm, create=False, now=now, folder=folder))
        machine = _Asked.assemble(folder, configuration, tpm, _ReadOnly())
        assert isinstance(machine, _Asked)
        self._machine: Machine = dataclasses.replace(machine, at=at)
        self.by = f"the device {configuration.id}"
        self.loops = configuration.watch.loops
        try:
            _ = self._machine.key, self._machine.record.facts
        except Refusal as refusal:
            detail = f"what {self.by} would answer is not known without its TPM: {refusal.detail}"
            raise Refusal(refusal.code, detail) from None
        self.anchor = self._machine.bundle().anchor
        self.lists = self._machine.lists()
        time = believed_time(self._machine)
        self.at = time.time if time else None

    def medium(self, volume: Volume, crls: Sequence[bytes]) -> Mapping[str, Judgement]:
        result = applying.apply(self._machine, volume, dry_run=True, retry=False, report=silent)
        first = next((order for order in result.directives if order.code is None), None)
        answers = {package.folder: _package(package, first) for package in result.packages}
        for order in result.directives:
            refusal = Refusal(order.code, order.detail) if order.code else None
            answers[order.file] = refused(refusal) if refusal else Judgement(True, "it would be followed")
        return answers

    def package(self, volume: Volume, folder: str, crls: Sequence[bytes]) -> Judgement:
        return _MEDIUM

    def thing(self, thing: Thing, crls: Sequence[bytes]) -> Judgement:
        if thing.crl is not None:
            return judge_list(thing.data, self.lists)
        if thing.bundle is not None:
            bundle = thing.bundle
            return judged(lambda: self._bundle(bundle))
        match thing.record:
            case Directive() as order:
                return judged(lambda: self._directive(thing.data, order, crls))
            case Envelope() | Manifest():
                return _MEDIUM
            case Request() | Receipt():
                return _FOR_BOXES
        return Judgement(None, "devices are never given this")

    def _directive(self, data: bytes, order: Directive, crls: Sequence[bytes]) -> str:
        """A directive that is no file on a medium of this device's, judged as one that is."""
        machine, facts = self._machine, self._machine.record.facts
        target = Target(Role.DEVICE, RoleIdentity(machine.configuration.id, facts.epoch), facts.directive)
        verified = admit_directive(data, target, self.anchor, self.lists, believed_time(machine), crls)
        if order.order is Order.TIME_FLOOR:
            lowered_floor(verified, facts.time_floor, machine.bundle())
        else:
            renewal.ordered(machine, verified)
        return "it would be followed"

    def _bundle(self, bundle: Bundle) -> str:
        held = bundle.under(self.anchor)
        identity = held.verified(Purpose.DEVICE_IDENTITY)
        if identity.spki != self._machine.tpm.public(IDENTITY):
            raise Refusal(Code.NOT_FOR_THIS_DEVICE, "the certificates are for another key than this device's")
        return "its certificates could be installed: updatebox device certs --install"


def _package(package: PackageResult, first: DirectiveResult | None) -> Judgement:
    """The answer to a package; there is none yet where a directive is followed `first`."""
    if package.code is None:
        accepted, detail = (
            True,
            f"{package.version} may be installed, as far as can be said without reading the payload",
        )
    else:
        accepted, detail = False, package.detail
    if first is None:
        return Judgement(accepted, detail, package.code)
    before = f"directive {first.sequence} of the vendor comes first, and may change the answer; before it"
    return Judgement(None, f"{before}: {detail}", package.code)


@dataclass(frozen=True, slots=True)
class _Asked(Machine):
    """A device whose clocks may be asked to say another time."""

    at: int | None = None

    def readings(self) -> tuple[Reading, ...]:
        if self.at is None:
            return Machine.readings(self)
        return (("the time given", self.at),)


class _OnlyLooking:
    """A TPM of which nothing is changed: a step that a cut left to be made up for is only thought of."""

    def __init__(self, tpm: Tpm) -> None:
        self._tpm = tpm

    def increment(self, name: str) -> int:
        """The value after the step."""
        return self._tpm.counter(name) + 1

    def __getattr__(self, name: str) -> Any:
        if name not in ("counter", "load", "open", "public", "random", "status", "unseal"):
            raise MachineFault(f"looking asked the TPM to {name}")
        return getattr(self._tpm, name)


class _ReadOnly(Storage):
    """A storage that nothing is written to."""

    def write(self, descriptor: int, data: Data, offset: int) -> None:
        raise _written()

    def sync(self, descriptor: int) -> None:
        raise _written()

    def replace(self, path: Path, data: bytes) -> None:
        raise _written()

    def remove(self, path: Path) -> None:
        raise _written()


def _written() -> MachineFault:
    return MachineFault("looking at a device would have written to it; report this")
