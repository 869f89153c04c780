"""Judging what devices left on a medium: their requests and their receipts. Nothing is kept here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session as Transaction

from appliance.box import admission, offering, survey, trial
from appliance.box.admission import Admission
from appliance.box.context import Context
from appliance.box.pulled import raise_if_pulled
from appliance.box.reading_ahead import Read, reading_ahead
from appliance.box.rules import Rules
from appliance.trust.crl import RevocationLists
from appliance.trust.known_chains import KnownChains
from appliance.trust.receipt import VerifiedReceipt, admit_receipt
from appliance.trust.request import VerifiedRequest, admit_request
from media_format import layout, limits
from media_format.crl_files import read_crls
from media_format.refusal import Refusal
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class JudgedRequest:
    """A request file with its judgement; `verified` is None where it was refused."""

    admission: Admission
    verified: VerifiedRequest | None
    data: bytes


@dataclass(frozen=True, slots=True)
class JudgedReceipt:
    """A receipt file on a medium; `verified` is None where `refusal` says why it was refused."""

    file: str
    verified: VerifiedReceipt | None
    data: bytes
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Judge:
    """What all files of one medium are judged with: known once, however many there are."""

    context: Context
    volume: Volume
    transaction: Transaction
    rules: Rules
    lists: RevocationLists
    crls: tuple[bytes, ...]
    """Lists that came along, for CAs that only come along too."""
    chains: KnownChains

    def requests(self, names: Iterable[str]) -> Iterator[JudgedRequest]:
        """Each request once: a copy costs its reading, and no more."""
        limit = limits.MAX_REQUEST + limits.MAX_SIGN1_OVERHEAD
        seen: set[bytes] = set()
        for name in names:
            try:
                data = self.volume.read_object(f"{layout.REQUESTS}/{name}", limit)
            except Refusal as refusal:
                raise_if_pulled(refusal)
                yield JudgedRequest(admission.refused(name, None, refusal), None, b"")
                continue
            digest = hashlib.sha256(data).digest()
            if digest not in seen:
                seen.add(digest)
                yield self._request(name, data)

    def _request(self, name: str, data: bytes) -> JudgedRequest:
        verified: VerifiedRequest | None = None
        context = self.context
        try:
            verified = admit_request(data, context.anchor, self.lists, context.now.time, self.crls)
            why = admission.judge(self.transaction, verified, self.rules)
            offer = offering.offer(self.transaction, verified.request)
            on_trial = offer.release is not None and trial.is_on_trial(
                self.transaction, verified.request, offer.release
            )
        except Refusal as refusal:
            return JudgedRequest(admission.refused(name, verified, refusal), None, b"")
        return JudgedRequest(
            admission.admitted(name, verified, offer, why, on_trial=on_trial), verified, data
        )

    def receipt(self, name: str, read: Read) -> JudgedReceipt:
        anchor, now = self.context.anchor, self.context.now.time
        try:
            data = read.result()
            return JudgedReceipt(
                name, admit_receipt(data, anchor, self.lists, now, self.crls, self.chains), data
            )
        except Refusal as refusal:
            raise_if_pulled(refusal)
            return JudgedReceipt(name, None, b"", refusal)


def judge_requests(context: Context, volume: Volume) -> tuple[JudgedRequest, ...]:
    """The requests on a medium, by device and number; of several that one device wrote, the newest."""
    entries = survey.files(volume, layout.REQUESTS, layout.REQUEST_SUFFIX)
    with _judging(context, volume) as judge:
        found = sorted(judge.requests(entry.name for entry in entries), key=_asked)
    return _newest(found)


def judge_receipts(context: Context, volume: Volume) -> tuple[JudgedReceipt, ...]:
    """The receipts on a medium, by device and number.

    Each is judged by itself: what the box holds of their devices is not looked at.
    """
    entries = survey.files(volume, layout.RECEIPTS, layout.RECEIPT_SUFFIX)
    paths = [f"{layout.RECEIPTS}/{entry.name}" for entry in entries]
    limit = limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD
    with _judging(context, volume) as judge:
        files = reading_ahead(volume, paths, limit)
        found = [judge.receipt(path.rpartition("/")[2], read) for path, read in files]
    return tuple(sorted(found, key=_reported))


def _asked(found: JudgedRequest) -> tuple[bool, str, int]:
    """The place of a request: those whose device is not known come last."""
    told = found.admission
    return told.device_id is None, told.device_id or told.file, told.counter or 0


def _reported(found: JudgedReceipt) -> tuple[bool, str, int, int]:
    """The place of a receipt: those that were refused come last."""
    if found.verified is None:
        return True, found.file, 0, 0
    receipt = found.verified.receipt
    return False, receipt.device_id, receipt.epoch, receipt.counter


@contextmanager
def _judging(context: Context, volume: Volume) -> Iterator[_Judge]:
    crls = read_crls(volume)
    lists, chains = context.lists().take(crls), KnownChains(context.anchor)
    with context.store.reading() as transaction:
        yield _Judge(context, volume, transaction, context.rules(transaction), lists, crls, chains)


def _newest(judged: list[JudgedRequest]) -> tuple[JudgedRequest, ...]:
    places: dict[str, tuple[int, int]] = {}
    for entry in judged:
        if entry.verified is not None:
            request = entry.verified.request
            places[request.device_id] = max(
                places.get(request.device_id, (0, 0)), (request.epoch, request.counter)
            )
    seen: set[bytes] = set()
    told = (_replaced(entry, places) for entry in judged)
    return tuple(
        entry for entry in told if entry.verified is None or _is_newest(entry.verified, places, seen)
    )


def _replaced(entry: JudgedRequest, places: dict[str, tuple[int, int]]) -> JudgedRequest:
    """A request, refused as it will be from now on where its device was enrolled again since."""
    verified = entry.verified
    if verified is None or verified.request.epoch == places[verified.request.device_id][0]:
        return entry
    refusal = admission.enrolled_again(verified.request.device_id)
    return JudgedRequest(admission.refused(entry.admission.file, verified, refusal), None, b"")


def _is_newest(verified: VerifiedRequest, places: dict[str, tuple[int, int]], seen: set[bytes]) -> bool:
    """Whether a request is its device's newest, and not what was `seen` already, under other certificates."""
    request = verified.request
    if places[request.device_id] != (request.epoch, request.counter) or verified.digest in seen:
        return False
    seen.add(verified.digest)
    return True
