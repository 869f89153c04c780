"""The device's parts in one place: what every act of the device works with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.device.boot_control import BootControl, open_boot_control
from appliance.device.configuration import DeviceConfiguration
from appliance.device.failures import UNFIT_NAME, Failures
from appliance.device.installed import BankContent, Installed
from appliance.device.journal import Journal
from appliance.device.receipts import Receipts
from appliance.device.record import MOST_LISTS, TiedRecord
from appliance.device.refusals import RefusalBook
from appliance.device.slots import Slots
from appliance.device.storage import Storage, read_state
from appliance.tpm import NO_AUTHORISATION, KeyKind, Tpm
from appliance.trust.bundle import Bundle
from appliance.trust.clock import Reading
from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from appliance.trust.signer import TpmSigner
from appliance.trust.time_sources import read_all
from media_format import cbor, limits
from media_format.errors import MachineFault, Misuse
from media_format.locking import locked
from media_format.objects import CrlNumber, Kem, TrustAnchor
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal

IDENTITY: Final = "identity"
ENCRYPTION: Final = {Kem.P256: "encryption", Kem.XWING: "encryption-pq"}
_BUNDLE: Final = "certificates.pem"
_CRLS: Final = "crls.cbor"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Machine:
    """One device: its configuration, TPM, slots, bootloader and state files."""

    folder: Path
    configuration: DeviceConfiguration
    tpm: Tpm
    storage: Storage
    record: TiedRecord
    slots: Slots
    boot: BootControl
    installed: Installed
    journal: Journal
    receipts: Receipts
    refusals: RefusalBook
    failures: Failures
    unfit: Failures
    """Releases that were found wrong when chunks were taken from them."""

    @classmethod
    def assemble(
        cls, folder: Path, configuration: DeviceConfiguration, tpm: Tpm, storage: Storage
    ) -> Machine:
        """The device in `folder`."""
        slots = Slots(configuration.slots, folder)
        return cls(
            folder=folder,
            configuration=configuration,
            tpm=tpm,
            storage=storage,
            record=TiedRecord(folder, tpm, storage),
            slots=slots,
            boot=open_boot_control(configuration.boot_control, folder, slots.names, storage),
            installed=Installed(folder, storage),
            journal=Journal(folder, storage),
            receipts=Receipts(folder, storage),
            refusals=RefusalBook(folder, storage),
            failures=Failures(folder, storage),
            unfit=Failures(folder, storage, UNFIT_NAME),
        )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let no other process change this device meanwhile: the agent and a person may both be at it."""
        with locked(self.folder / _LOCK):
            self.record.forget()
            yield

    # Keys and certificates

    @property
    def key(self) -> RecipientKey:
        """The public halves of the device key."""
        has_pq = KeyKind.DECRYPT_XWING in self.tpm.status().kinds
        halves = self.tpm.public(ENCRYPTION[Kem.P256]), ENCRYPTION[Kem.XWING]
        return RecipientKey(halves[0], self.tpm.public(halves[1]) if has_pq else None)

    def open_layer(self, kem: int, encapsulation: bytes, ciphertext: bytes, info: bytes) -> bytes:
        """Open one layer of a wrapped content key in the TPM. Refusal(decryption-failed)."""
        return self.tpm.open(ENCRYPTION[Kem(kem)], encapsulation, ciphertext, info, NO_AUTHORISATION)

    def bundle(self) -> Bundle:
        """The installed certificates. Misuse if there are none yet.

        Refusal(chain-invalid) where their trust anchor is another one than the record knows.
        """
        found = self._read_bundle()
        if found is None:
            raise Misuse(f"no certificates yet; run: updatebox device certs {self.folder} --install FILE")
        self.check_anchor(found)
        return found

    def check_anchor(self, bundle: Bundle) -> None:
        """That the record knows a bundle's trust anchor. Refusal(chain-invalid)."""
        if _digest(bundle.anchor) not in self.record.facts.anchors:
            raise Refusal(Code.CHAIN_INVALID, "this is not the trust anchor the device was enrolled with")

    def is_enrolled(self) -> bool:
        """Whether there are certificates, whoever's. MachineFault where they are damaged."""
        return self._read_bundle() is not None

    def keep_bundle(self, bundle: Bundle) -> None:
        """Install certificates. A cut leaves those before or these, and a record that knows them.

        So the record knows a new trust anchor before it is there, and the old one until it is not.
        """
        held, new = self._read_bundle(), _digest(bundle.anchor)
        both = (*([] if held is None else [_digest(held.anchor)]), new)
        self._know_anchors(tuple(dict.fromkeys(both)))
        self.storage.replace(self.folder / _BUNDLE, bundle.to_pem())
        self._know_anchors((new,))

    def _read_bundle(self) -> Bundle | None:
        data = read_state(self.folder / _BUNDLE)
        try:
            return None if data is None else Bundle.from_pem(data)
        except Refusal as refusal:
            raise MachineFault(f"{self.folder / _BUNDLE} is damaged: {refusal.detail}") from None

    def _know_anchors(self, digests: tuple[bytes, ...]) -> None:
        if self.record.facts.anchors != digests:
            self.record.update(anchors=digests)

    def signer(self, *, with_encryption: bool = False) -> TpmSigner:
        """What signs as this device; in a request its encryption certificate travels along."""
        bundle = self.bundle()
        bag = bundle.chain(Purpose.DEVICE_ENCRYPTION)[:1] if with_encryption else ()
        return TpmSigner(self.sign, bundle.chain(Purpose.DEVICE_IDENTITY), bag)

    def sign(self, message: bytes) -> bytes:
        """Sign with the identity key."""
        return self.tpm.sign(IDENTITY, message, NO_AUTHORISATION)

    # Revocation and time

    def lists(self) -> RevocationLists:
        """The newest revocation lists the device has seen."""
        bundle, data = self.bundle(), read_state(self.folder / _CRLS)
        try:
            ders = [] if data is None else cbor.decode(data, 64 * limits.MAX_CRL, "revocation lists")
        except Refusal:
            ders = None
        if not isinstance(ders, list):
            raise MachineFault(f"{self.folder / _CRLS} is damaged; remove it and bring lists on a medium")
        known = [der for der in ders if isinstance(der, bytes)]
        return RevocationLists(bundle.anchor, known, bundle.certificates)

    def keep_lists(self, lists: RevocationLists) -> None:
        """Remember revocation lists where they are news, and in the record how new they are.

        The lists come first: a cut leaves a record that demands no more than there is.
        """
        data = cbor.encode(list(lists.ders))
        if read_state(self.folder / _CRLS) != data:
            self.storage.replace(self.folder / _CRLS, data)
        seen = {known.issuer: known.number for known in self.record.facts.crl_numbers}
        for found in lists.numbers():
            seen[found.issuer] = max(found.number, seen.get(found.issuer, 0))
        numbers = tuple(CrlNumber(issuer=issuer, number=number) for issuer, number in seen.items())[
            :MOST_LISTS
        ]
        if numbers != self.record.facts.crl_numbers:
            self.record.update(crl_numbers=numbers)

    def readings(self) -> tuple[Reading, ...]:
        """What the configured clocks say, in their order."""
        return read_all(self.configuration.time_sources)

    # What runs

    def running(self) -> Mapping[str, int]:
        """The bank of each slot that runs."""
        return self.boot.state().running

    def contents(self, banks: Mapping[str, int]) -> tuple[BankContent, ...]:
        """What these banks hold, as far as it is known."""
        return tuple(content for slot, bank in banks.items() for content in self.installed.of(slot, bank))

    def version(self) -> str | None:
        """The version that runs; None where that is not known, as when the boot control does not answer."""
        try:
            running = self.running()
        except Refusal:
            return None
        return next((content.version for content in self.contents(running)), None)

    def measures_right(self, contents: tuple[BankContent, ...]) -> bool:
        """Whether banks hold what the vendor signed, read past the page cache."""
        return all(
            self.slots.bank(content.slot, content.bank).measure(content.offset, content.size).digest
            == content.digest
            for content in contents
        )


def _digest(anchor: TrustAnchor) -> bytes:
    return hashlib.sha256(anchor.to_bytes()).digest()
