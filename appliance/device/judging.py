"""Judging the packages on a medium: which of them this device may install, and what is said of the others.

A hostile medium holds as many packages as it likes. Those that name other devices cost one look at their
envelope, and those that no box signed the check of one signature; those that a box signed for this one are
judged in full, and there are few of them on an honest medium.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.device import reporting, reuse
from appliance.device.machine import Machine
from appliance.device.reporting import Story
from appliance.trust.chain import verify_chain
from appliance.trust.device_view import DeviceView, SlotSpace
from appliance.trust.purpose import Purpose
from appliance.trust.verifier import InstallPlan, PackageBytes, admit_package
from media_format import cose
from media_format.objects import Envelope, EnvelopeKind, Outcome
from media_format.package import PackageReader, list_packages
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

ANSWERLESS: Final = (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE)
"""The medium does not answer: there is nothing to judge, and what was begun is resumed."""
MOST_JUDGED: Final = 32
"""Packages of one medium that a box signed for this device and that are judged in full."""
PATIENCE: Final = 120.0
"""Seconds that looking at the packages of one medium may take; those that are left are not looked at."""


@dataclass(frozen=True, slots=True)
class PackageResult:
    """What became of one package on a medium. `outcome` is None for a dry run that found nothing wrong."""

    folder: str
    addressed: bool
    devices: tuple[str, ...]
    """Whom the envelope names; not verified."""
    outcome: Outcome | None
    code: Code | None
    detail: str
    version: str | None
    package_id: bytes | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A package that may be installed."""

    reader: PackageReader
    plan: InstallPlan
    manifest: bytes


def judge(
    machine: Machine, volume: Volume, crls: Sequence[bytes], *, retry: bool, dry_run: bool
) -> tuple[list[Candidate], list[PackageResult]]:
    """The packages that may be installed, and what became of the others. Refusal(medium-*)."""
    judging = _Judging(machine, volume, tuple(crls), retry=retry, dry_run=dry_run)
    candidates: list[Candidate] = []
    results: list[PackageResult] = []
    for judged in judging.all():
        if isinstance(judged, Candidate):
            candidates.append(judged)
        else:
            results.append(judged)
    return candidates, results


class _Measured:
    """Which release stands whole in the banks that boot next, and which ones run.

    It is found out once for all the packages on a medium: any stranger can name a release in thousands.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._right: dict[bytes, bool] = {}
        self._bases: frozenset[bytes] | None = None

    def bases(self) -> frozenset[bytes]:
        """The releases that chunks may be taken from."""
        if self._bases is None:
            self._bases = reuse.bases(self._machine)
        return self._bases

    def holds(self, manifest_digest: bytes) -> bool:
        """Whether all of a release's components are there, and are what the vendor signed."""
        if manifest_digest not in self._right:
            machine = self._machine
            contents = machine.contents(machine.boot.state().banks)
            own = tuple(content for content in contents if content.manifest_digest == manifest_digest)
            if not own:
                return False
            names = frozenset(content.component for content in own)
            whole = names == machine.installed.components(manifest_digest)
            self._right[manifest_digest] = whole and machine.measures_right(own)
        return self._right[manifest_digest]


class _Judging:
    """One medium's packages, one after the other."""

    def __init__(
        self, machine: Machine, volume: Volume, crls: tuple[bytes, ...], *, retry: bool, dry_run: bool
    ) -> None:
        self._machine = machine
        self._volume = volume
        self._crls = crls
        self._retry = retry
        self._dry_run = dry_run
        self._measured = _Measured(machine)

    def all(self) -> Iterator[Candidate | PackageResult]:
        """Judge them in the order of their folders, as many as `MOST_JUDGED` and `PATIENCE` allow."""
        began, judged = time.monotonic(), 0
        for folder in list_packages(self._volume):
            if judged == MOST_JUDGED or time.monotonic() - began > PATIENCE:
                yield self._not_looked_at(folder)
                return
            found, from_a_box = self._one(folder)
            judged += from_a_box
            yield found

    def _one(self, folder: str) -> tuple[Candidate | PackageResult, bool]:
        """What is said of a package, and whether it names this device in an envelope that a box signed."""
        reader, machine = PackageReader(self._volume, folder), self._machine
        envelope, named, from_a_box = b"", None, False
        try:
            envelope = reader.envelope()
            named = read_unverified(envelope)
            self._leave_alone(named)
            if machine.configuration.id in devices(named):
                # Anybody can name a device, in thousands of envelopes: those cost no look at a manifest.
                _check_box(machine, envelope)
                from_a_box = True
            manifest = reader.manifest()
            package = PackageBytes(manifest, envelope, self._crls)
            view = self._view(named)
            plan = admit_package(package, view, machine.bundle().anchor, machine.lists(), machine.readings())
            return Candidate(reader, plan, manifest), True
        except Refusal as refusal:
            if refusal.code in ANSWERLESS:
                raise
            return self._refused(folder, named, refusal, from_a_box=from_a_box), from_a_box

    def _refused(
        self, folder: str, named: Envelope | None, refusal: Refusal, *, from_a_box: bool
    ) -> PackageResult:
        """Leave a receipt where the envelope is addressed to this device; others are counted."""
        addressed = self._machine.configuration.id in devices(named)
        if not self._dry_run and addressed:
            self._tell(named, refusal, from_a_box=from_a_box)
        elif not self._dry_run:
            self._machine.refusals.count([refusal.code])
        return PackageResult(
            folder=folder,
            addressed=addressed,
            devices=devices(named),
            outcome=Outcome.REFUSED,
            code=refusal.code,
            detail=refusal.detail,
            version=None,
            package_id=named.package_id if named else None,
        )

    def _tell(self, named: Envelope | None, refusal: Refusal, *, from_a_box: bool) -> None:
        story = Story(
            Outcome.REFUSED,
            package_id=named.package_id if named else None,
            manifest_digest=named.manifest_digest if named else None,
            code=refusal.code,
            detail=refusal.detail,
            version_before=self._machine.version(),
            version_after=self._machine.version(),
        )
        reporting.tell_refusal(self._machine, story, verified=from_a_box)

    def _not_looked_at(self, folder: str) -> PackageResult:
        refusal = Refusal(
            Code.TOO_LARGE, "the medium holds more packages than are looked at, from this one on"
        )
        return self._refused(folder, None, refusal, from_a_box=False)

    def _leave_alone(self, named: Envelope | None) -> None:
        """Say of a package what its unverified envelope is enough for: that there is nothing to do with it.

        Raises Refusal(not-for-this-device) for a release that is for boxes and a package that names other
        devices, Refusal(already-installed) for one that was installed here: a stick that stays in the port
        makes neither a loop nor a receipt.
        """
        if named is None:
            return
        if named.kind is EnvelopeKind.RELEASE:
            raise Refusal(Code.NOT_FOR_THIS_DEVICE, "a release for update boxes; take it to the box")
        if named.recipients and self._machine.configuration.id not in devices(named):
            raise Refusal(Code.NOT_FOR_THIS_DEVICE, "the package does not name this device")
        told = self._machine.refusals.was_told(named.package_id, Code.ALREADY_INSTALLED)
        if told and not self._retry and self._measured.holds(named.manifest_digest):
            raise Refusal(Code.ALREADY_INSTALLED, "this package was installed here before")

    def _view(self, named: Envelope | None) -> DeviceView:
        """What the verifier must know of the device."""
        machine = self._machine
        facts, configuration = machine.record.facts, machine.configuration
        pending = facts.pending.release if facts.pending else None
        return DeviceView(
            id=configuration.id,
            epoch=facts.epoch,
            product=configuration.product,
            line=configuration.line,
            hardware=configuration.hardware,
            key=machine.key,
            slots={slot: SlotSpace(machine.slots.capacity(slot)) for slot in machine.slots.names},
            largest_chunk=configuration.largest_chunk,
            time_floor=facts.time_floor,
            security_floor=facts.security_floor,
            head=facts.head(configuration.line),
            pending=pending,
            failed=machine.failures.all(),
            installed=named.manifest_digest
            if named and self._measured.holds(named.manifest_digest)
            else None,
            outstanding=facts.outstanding,
            proves_time=_is_young(machine),
            retry=self._retry,
            reuse=configuration.reuse,
            bases=self._measured.bases(),
            crl_numbers=facts.crl_numbers,
            asked_at=facts.asked_at,
        )


def _is_young(machine: Machine) -> bool:
    """Whether the outstanding nonce may prove time. After a reboot it is at least as old as the uptime."""
    facts, policy = machine.record.facts, machine.bundle().anchor.policy
    boots = facts.boots - facts.nonce_boots
    age = reporting.uptime() - (facts.nonce_uptime if boots == 0 else 0)
    return boots <= policy.nonce_boots and age <= policy.nonce_uptime


def read_unverified(envelope: bytes) -> Envelope | None:
    """The envelope, unverified: it names the package in a receipt and says for whom it claims to be."""
    try:
        signed = cose.read_sign1(envelope, Envelope.CONTENT_TYPE, Envelope.LIMIT)
        return Envelope.from_bytes(signed.payload)
    except Refusal:
        return None


def devices(envelope: Envelope | None) -> tuple[str, ...]:
    """The devices an envelope names."""
    recipients = envelope.recipients if envelope else ()
    return tuple(recipient.device.id for recipient in recipients if recipient.device)


def _check_box(machine: Machine, envelope: bytes) -> None:
    """That a box of the vendor's signed an envelope, dates and revocation apart; refuses as the verifier."""
    signature = cose.read_sign1(envelope, Envelope.CONTENT_TYPE, Envelope.LIMIT).signatures[0]
    box = verify_chain(signature.chain, machine.bundle().anchor, Purpose.BOX_IDENTITY)
    signature.verify(box.key)
