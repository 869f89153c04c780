"""The standpoint of a box: what this very one would answer. It is asked as it is, and stays as it is.

Only its keystore writes a line about each use of a key, as it does whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from appliance.box import admission, directives, identity, importing, offering, survey
from appliance.box.context import Context
from appliance.box.machine import Machine
from appliance.box.receipts import History
from appliance.cli.clock import now
from appliance.cli.explain.backup import BackupContent
from appliance.cli.explain.judgement import Judgement, judge_list, judged, refused
from appliance.cli.explain.things import Thing
from appliance.trust.bundle import Bundle
from appliance.trust.clock import TrustedTime, trusted_time
from appliance.trust.directive import Target, admit_directive
from appliance.trust.receipt import admit_receipt
from appliance.trust.renewal import cross_signed, lowered_floor, renewed
from appliance.trust.request import admit_request
from appliance.trust.verifier import PackageBytes
from media_format.errors import Misuse
from media_format.objects import (
    Directive,
    EnrolmentRequest,
    Envelope,
    Manifest,
    Order,
    Receipt,
    Request,
    Role,
)
from media_format.package import PackageReader
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_WHOLE: Final = Judgement(None, "it judges whole packages: name the package's folder or the medium")
_DELIVERY: Final = Judgement(None, "it is for devices; boxes only carry it")


class AsBox:
    """The box in `folder`, at the time its clocks say or, where one is given, at `at`.

    Raises Misuse where it has no certificates yet or its store is of another schema, Refusal(tpm-unavailable)
    where its TPM cannot be reached.
    """

    def __init__(self, folder: Path, at: int | None) -> None:
        try:
            self._machine = machine = Machine.open(folder, now, looking=True)
            self._own = machine.own()
        except Refusal as refusal:
            detail = f"what the box in {folder} would answer is not known without its TPM: {refusal.detail}"
            raise Refusal(refusal.code, detail) from None
        self.by = f"the box {machine.configuration.id}"
        self.loops = machine.loops
        self.anchor = self._own.bundle.anchor
        self.lists = machine.store.lists(self._own.bundle)
        self._blocked: Refusal | None = None
        self._now: TrustedTime | None = None
        try:
            self._now = machine.time(self._own) if at is None else self._asked(at)
        except Refusal as refusal:
            self._blocked = refusal
        if machine.is_revoked(self._own):
            self._blocked = Refusal(Code.REVOKED, f"the vendor revoked {self.by}")
        self.at = self._now.time if self._now else None

    def _asked(self, at: int) -> TrustedTime:
        """As if the box's clock said so."""
        floor, horizon = self._machine.store.time_floor(), self.anchor.policy.clock_horizon
        return trusted_time([("the time given", at)], floor, horizon)

    def medium(self, volume: Volume, crls: Sequence[bytes]) -> Mapping[str, Judgement]:
        return {}

    def package(self, volume: Volume, folder: str, crls: Sequence[bytes]) -> Judgement:
        if survey.package(volume, folder).kind == "delivery":
            return _DELIVERY
        return judged(lambda: self._release(PackageReader(volume, folder), crls))

    def _release(self, reader: PackageReader, crls: Sequence[bytes]) -> str:
        context = self._context()
        package = PackageBytes(reader.manifest(), reader.envelope(), tuple(crls))
        verified = importing.admit(package, context.own, context.lists(), context.now)
        with context.store.reading() as transaction:
            known = importing.known(transaction, verified)
        name = f"{verified.manifest.product} {verified.manifest.version}"
        return f"{name} is in the store already" if known else f"{name} may be imported"

    def thing(self, thing: Thing, crls: Sequence[bytes]) -> Judgement:
        if thing.crl is not None:
            return judge_list(thing.data, self.lists)
        if thing.bundle is not None:
            return self._bundle(thing.bundle)
        if isinstance(thing.content, BackupContent):
            return Judgement(None, "the box restores it with its passphrase: updatebox box restore")
        match thing.record:
            case Request():
                return judged(lambda: self._request(thing.data, crls))
            case Receipt():
                return judged(lambda: self._receipt(thing.data, crls))
            case Directive() as order:
                return judged(lambda: self._directive(thing.data, order, crls))
            case Envelope() | Manifest():
                return _WHOLE
            case EnrolmentRequest():
                return Judgement(None, "the vendor reads it, boxes do not")
        return Judgement(None, "boxes are never given this")

    def _request(self, data: bytes, crls: Sequence[bytes]) -> str:
        context = self._context()
        verified = admit_request(data, self.anchor, context.lists(), context.now.time, crls)
        with context.store.reading() as transaction:
            admission.judge(transaction, verified, context.rules(transaction))
            offer = offering.offer(transaction, verified.request)
        if offer.withheld is None:
            return f"it can get {offer.release.version}" if offer.release else "it has the newest release"
        why = f"{offer.withheld.code}: {offer.withheld.detail}"
        return f"it can get {offer.release.version}; {why}" if offer.release else f"it can get nothing; {why}"

    def _receipt(self, data: bytes, crls: Sequence[bytes]) -> str:
        context = self._context()
        verified = admit_receipt(data, self.anchor, context.lists(), context.now.time, crls)
        with context.store.reading() as transaction:
            _, new = History(transaction, [verified]).take(verified, data, context.now.time)
        return "it would be kept" if new else "it is kept already"

    def _directive(self, data: bytes, order: Directive, crls: Sequence[bytes]) -> str:
        bundle = self._own.bundle
        with self._machine.store.reading() as transaction:
            last = directives.last_sequence(transaction)
        target = Target(Role.BOX, self._own.signing.identity, last)
        verified = admit_directive(data, target, self.anchor, self.lists, self._now, crls)
        if order.order is Order.TIME_FLOOR:
            lowered_floor(verified, self._machine.store.time_floor(), bundle)
        elif order.order is Order.RENEW:
            renewed(verified, bundle)
        elif order.order is Order.CROSS_SIGN:
            cross_signed(verified, self.anchor)
        return "it would be followed"

    def _bundle(self, bundle: Bundle) -> Judgement:
        machine = self._machine
        try:
            held = bundle.under(self.anchor)
            if bundle.certificates:
                identity.held_by(held, machine.tpm, machine.configuration.id)
        except Refusal as refusal:
            return refused(refusal)
        except Misuse as misuse:
            return Judgement(False, str(misuse))
        return Judgement(True, "it could be installed: updatebox box certs --install")

    def _context(self) -> Context:
        """What an act of the box would begin with, or why none would."""
        if self._blocked is not None or self._now is None:
            raise self._blocked or Refusal(Code.TIME_UNTRUSTED, "no source of time gives one")
        machine = self._machine
        allowed = machine.configuration.allow_by_default
        return Context(machine.store, machine.tpm, self._own, self._now, allowed)
