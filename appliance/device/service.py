"""The device's facade: what the command line and the agent may ask of a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.device import applying, booting, confirming, renewal, reporting
from appliance.device.applying import ApplyResult
from appliance.device.boot_control import open_boot_control
from appliance.device.booting import BootResult
from appliance.device.configuration import FILE_NAME, DeviceConfiguration, read_configuration
from appliance.device.machine import ENCRYPTION, IDENTITY, Machine
from appliance.device.storage import DiskStorage, Storage, read_state
from appliance.tpm import NO_AUTHORISATION, KeyKind, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.enrolment import make_enrolment
from appliance.trust.signer import TpmSigner
from appliance.trust.time_sources import open_time_source
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import EncryptionKey, EnrolmentRequest, Kem, Request, Role
from media_format.progress import Report, silent
from media_format.volume.seam import Volume

DEFAULT_SLOT_SIZE: Final = 256 * limits.MIB


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device at one look."""

    id: str
    epoch: int
    product: str
    line: str
    hardware: str
    enrolled: bool
    version: str | None
    banks: dict[str, int]
    on_trial: bool
    pending: str | None
    """The version that waits to be confirmed."""
    booted: bool
    """Whether that runs; it is False until its first boot."""
    index: int | None
    """The release index that was confirmed last."""
    security_floor: int
    time_floor: int
    receipts: int
    """Receipts that no box has acknowledged."""


class Device:
    """One device and its state directory."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @classmethod
    def create(
        cls,
        folder: Path,
        configuration: DeviceConfiguration,
        now: Callable[[], int],
        *,
        slot_size: int = DEFAULT_SLOT_SIZE,
        storage: Storage | None = None,
    ) -> Device:
        """A new device: keys, record, slots (files that are missing are made with `slot_size` bytes)."""
        disk = storage or DiskStorage()
        if (folder / FILE_NAME).exists():
            raise Misuse(f"{folder}: there is a device already")
        # What cannot work is said before keys are made: a TPM that is there is not made again.
        open_boot_control(configuration.boot_control, folder, tuple(configuration.slots), disk)
        for source in configuration.time_sources:
            open_time_source(source)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tpm = open_tpm(configuration.tpm, create=True, now=now, folder=folder)
        tpm.create(IDENTITY, KeyKind.SIGN_P256, NO_AUTHORISATION)
        tpm.create(ENCRYPTION[Kem.P256], KeyKind.DECRYPT_P256, NO_AUTHORISATION)
        if KeyKind.DECRYPT_XWING in tpm.status().kinds:
            tpm.create(ENCRYPTION[Kem.XWING], KeyKind.DECRYPT_XWING, NO_AUTHORISATION)
        machine = Machine.assemble(folder, configuration, tpm, disk)
        machine.slots.make(slot_size)
        machine.record.create(configuration.epoch, 0)
        disk.replace(folder / FILE_NAME, configuration.to_toml().encode())
        return cls(machine)

    @classmethod
    def open(cls, folder: Path, now: Callable[[], int], storage: Storage | None = None) -> Device:
        """The device in `folder`. Misuse if there is none."""
        text = read_state(folder / FILE_NAME)
        if text is None:
            raise Misuse(
                f"{folder}: there is no device here; name its directory, or make one: updatebox device init"
            )
        configuration = read_configuration(text.decode(errors="replace"))
        tpm = open_tpm(configuration.tpm, create=False, now=now, folder=folder)
        return cls(Machine.assemble(folder, configuration, tpm, storage or DiskStorage()))

    @property
    def configuration(self) -> DeviceConfiguration:
        """What device.toml says."""
        return self._machine.configuration

    @property
    def is_enrolled(self) -> bool:
        """Whether the device has certificates."""
        return self._machine.is_enrolled()

    def enrolment(self) -> bytes:
        """The signed enrolment request for the vendor."""
        machine, configuration = self._machine, self._machine.configuration
        key = machine.key
        assert key.p256 is not None
        request = EnrolmentRequest(
            format=limits.FORMAT_VERSION,
            role=Role.DEVICE,
            id=configuration.id,
            epoch=configuration.epoch,
            device=configuration.kind,
            identity=machine.tpm.public(IDENTITY),
            encryption=EncryptionKey(p256=key.p256, xwing=key.xwing),
        )
        return make_enrolment(request, TpmSigner(machine.sign))

    def install_certificates(self, bundle: Bundle) -> None:
        """Take over what the vendor answered; only a device without a trust anchor takes one.

        Misuse for another device's certificates, Refusal(chain-invalid) for another vendor's.
        """
        with self._machine.exclusive():
            renewal.install(self._machine, bundle)

    def write_request(self, volume: Volume) -> Request:
        """Write a signed request, and receipts that are not on the medium yet."""
        with self._machine.exclusive():
            reporting.write_reports(self._machine, volume)
            return reporting.ask(self._machine, volume)

    def apply(
        self, volume: Volume, *, dry_run: bool = False, retry: bool = False, report: Report = silent
    ) -> ApplyResult:
        """Judge the packages on a medium, install the best one for this device, report on the medium."""
        with self._machine.exclusive():
            return applying.apply(self._machine, volume, dry_run=dry_run, retry=retry, report=report)

    def confirm(self) -> str:
        """Declare the running release good; returns its version."""
        with self._machine.exclusive():
            return confirming.confirm(self._machine)

    def rollback(self) -> str | None:
        """Return to the release before; returns its version."""
        with self._machine.exclusive():
            return booting.rollback(self._machine)

    def verify_boot(self) -> BootResult:
        """What the boot verifier does at every boot."""
        with self._machine.exclusive():
            return booting.verify_boot(self._machine)

    def status(self) -> DeviceStatus:
        """The device at one look."""
        machine, configuration = self._machine, self._machine.configuration
        facts, state = machine.record.peek(), machine.boot.state()
        head = facts.head(configuration.line)
        return DeviceStatus(
            id=configuration.id,
            epoch=facts.epoch,
            product=configuration.product,
            line=configuration.line,
            hardware=configuration.hardware,
            enrolled=machine.is_enrolled(),
            version=machine.version(),
            banks=dict(state.running),
            on_trial=state.on_trial,
            pending=facts.pending.version if facts.pending else None,
            booted=facts.pending is not None and (state.booted or not state.on_trial),
            index=head.index if head else None,
            security_floor=facts.security_floor,
            time_floor=facts.time_floor,
            receipts=machine.receipts.count(),
        )
