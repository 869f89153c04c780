"""Vectors of whole packages: what stands on a medium, who reads it and when, and what comes of it."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Final

from appliance.trust.purpose import Purpose
from media_format.objects import (
    Answer,
    Cipher,
    CrlNumber,
    Family,
    Mode,
    Policy,
    Present,
    SignatureRule,
    TrustAnchor,
)
from media_format.refusal import Code
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.authorities import DAY, NOW, YEAR, Holder, Vendor
from tests.formats.vector_makers.files import Folder
from tests.formats.vector_makers.releases import LARGE, SMALL, Delivery, Release

_POLICY: Final = Policy(
    signatures=(SignatureRule(family=Family.ECDSA, count=1),),
    clock_horizon=10 * YEAR,
    nonce_boots=2,
    nonce_uptime=30 * DAY,
    box_time=False,
    unrequested=False,
    modes=(Mode.SEALED,),
)
_ANSWER: Final = Answer(nonce=keys.drawn("nonce"), counter=7)
_VIEW: Final[dict[str, Any]] = {
    "id": "pump-17",
    "epoch": 1,
    "product": "pump",
    "line": "stable",
    "hardware": "rev-b",
    "slots": {"rootfs": 1 << 20, "hooks": 1 << 16},
    "largest_chunk": 1 << 16,
    "time_floor": NOW - 100 * DAY,
    "security_floor": 0,
    "head": None,
    "pending": None,
    "failed": [],
    "installed": None,
    "outstanding": {"nonce": _ANSWER.nonce.hex(), "counter": _ANSWER.counter},
}


class _Stage:
    """Everybody who takes part, and the folder that the vectors go to."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root, "packages")
        self.vendor = Vendor("Acme")
        self.quantum = Vendor("Acme PQ", Family.ML_DSA)
        self.stranger = Vendor("Mallory")
        self.box = self.vendor.box("box-1")
        self.device = self.vendor.device("pump-17")
        self.nested = self.vendor.device("pump-17", nested=True)
        self.other = self.vendor.device("pump-18")
        self.signer = self.vendor.release_signer()
        self.release = Release(SMALL)
        self._kept: dict[bytes, str] = {}

    def keep(self, name: str, data: bytes) -> str:
        """A file of the vectors; what stands there already is not kept twice."""
        if data not in self._kept:
            self._kept[data] = self.folder.file(name, data)
        return self._kept[data]

    def anchor(self, **policy: Any) -> str:
        """A trust anchor that pins the vendor, with another root where two families must sign."""
        made = dataclasses.replace(_POLICY, **policy)
        families = {rule.family for rule in made.signatures}
        roots = (self.vendor.root, self.quantum.root) if Family.ML_DSA in families else (self.vendor.root,)
        data = TrustAnchor(format=1, vendor="Acme", roots=roots, policy=made).to_bytes()
        return self.keep(f"anchors/{hashlib.sha256(data).hexdigest()[:8]}.cbor", data)

    def delivery(self, *devices: Holder, **changes: Any) -> Delivery:
        """The small release, sealed for the device."""
        fields: dict[str, Any] = {
            "release": self.release,
            "signers": (self.signer,),
            "sealer": self.box.signer,
            "recipients": tuple((device.name, device.key) for device in devices or (self.device,)),
            "answer": _ANSWER,
        }
        return Delivery(**{**fields, **changes})

    def add(
        self,
        name: str,
        files: dict[str, bytes],
        code: Code | None = None,
        *,
        view: dict[str, Any] | None = None,
        clock: int | None = NOW,
        crls: tuple[bytes, ...] = (),
        policy: dict[str, Any] | None = None,
        nested: bool = False,
        release: Release | None = None,
    ) -> None:
        """One vector. A medium's files are kept under the name of the vector that has them first."""
        stem = name.replace(" ", "-")
        encapsulation, agreement = keys.xwing("pump-17")
        private = {"p256": keys.pkcs8(keys.p256("pump-17"))}
        if nested:
            private |= {"ml_kem_768": keys.pkcs8(encapsulation), "x25519": keys.pkcs8(agreement)}
        self.folder.add(
            name,
            code,
            anchor=self.anchor(**(policy or {})),
            package={where: self.keep(f"{stem}/{where}", data) for where, data in files.items()},
            crls=[self.keep(f"{stem}/{place}.CRL", crl) for place, crl in enumerate(crls)],
            view={**_VIEW, **(view or {})},
            private=private,
            clock=clock,
            components=None if code else (release or self.release).components,
        )


def make(root: Path) -> None:
    stage = _Stage(root)
    good = stage.delivery().files()
    _accepted(stage, good)
    _by_view(stage, good)
    _by_time(stage, good)
    _by_signature(stage, good)
    _by_revocation(stage)
    _by_content(stage, good)
    stage.folder.write()


def _accepted(stage: _Stage, good: dict[str, bytes]) -> None:
    rules = (SignatureRule(family=Family.ECDSA, count=1), SignatureRule(family=Family.ML_DSA, count=1))
    both = stage.delivery(signers=(stage.signer, stage.quantum.release_signer()))
    shared = stage.delivery(stage.other, stage.device)
    plain = stage.delivery(cipher=Cipher.NONE, recipients=(), answer=None)
    large = stage.delivery(release=Release(LARGE))
    stage.add("a package", good)
    stage.add("a package in two segments", large.files(), release=large.release)
    stage.add("a package for a post-quantum key", stage.delivery(stage.nested).files(), nested=True)
    stage.add("a package signed in two families", both.files(), policy={"signatures": rules})
    stage.add("a signature of a family without a root is passed over", both.files())
    stage.add("a package for two devices", shared.files(), policy={"modes": (Mode.SEALED, Mode.SHARED)})
    stage.add(
        "a package without encryption", plain.files(), policy={"modes": (Mode.SIGNED,), "unrequested": True}
    )
    stage.add("a package that tells a device the time", good, clock=None, policy={"box_time": True})
    same = {"line": "stable", "index": 5, "manifest_digest": stage.release.digest.hex()}
    stage.add("the confirmed release again", good, view={"head": same})


def _by_view(stage: _Stage, good: dict[str, bytes]) -> None:
    digest, other = stage.release.digest.hex(), keys.drawn("another").hex()
    ahead = {"line": "stable", "index": 6, "manifest_digest": other}
    cases: tuple[tuple[str, Code, dict[str, Any]], ...] = (
        ("another device", Code.NOT_FOR_THIS_DEVICE, {"id": "pump-18"}),
        ("a device that was enrolled again", Code.NOT_FOR_THIS_DEVICE, {"epoch": 2}),
        (
            "a device that has asked again",
            Code.REQUEST_MISMATCH,
            {"outstanding": {"nonce": other, "counter": 8}},
        ),
        (
            "an answer from the future",
            Code.REQUEST_MISMATCH,
            {"outstanding": {"nonce": _ANSWER.nonce.hex(), "counter": 6}},
        ),
        ("a device that has asked for nothing", Code.REQUEST_MISMATCH, {"outstanding": None}),
        ("a device of another product", Code.INCOMPATIBLE_HARDWARE, {"product": "valve"}),
        ("a device on another line", Code.INCOMPATIBLE_HARDWARE, {"line": "beta"}),
        ("a signer below the security floor", Code.SIGNER_SUPERSEDED, {"security_floor": 6}),
        ("an older release", Code.ROLLBACK, {"head": ahead}),
        ("another release with the same index", Code.EQUIVOCATION, {"head": {**ahead, "index": 5}}),
        (
            "another release with the index of the pending one",
            Code.EQUIVOCATION,
            {"pending": {**ahead, "index": 5}},
        ),
        ("a release that failed here", Code.PREVIOUSLY_FAILED, {"failed": [digest]}),
        ("a release that is installed", Code.ALREADY_INSTALLED, {"installed": digest}),
        ("other hardware", Code.INCOMPATIBLE_HARDWARE, {"hardware": "rev-c"}),
        ("chunks larger than the memory", Code.TOO_LARGE, {"largest_chunk": 2048}),
        ("a slot that updates may not write", Code.REGION_FORBIDDEN, {"slots": {"rootfs": 1 << 20}}),
        ("a slot that is too small", Code.NO_SPACE, {"slots": {"rootfs": 4096, "hooks": 1 << 16}}),
    )
    for name, code, view in cases:
        stage.add(name, good, code, view=view)


def _by_time(stage: _Stage, good: dict[str, bytes]) -> None:
    stage.add("no clock", good, Code.TIME_UNTRUSTED, clock=None)
    stage.add("a clock before the floor", good, Code.TIME_BEFORE_FLOOR, clock=NOW - 101 * DAY)
    stage.add("a clock before the release was created", good, Code.TIME_BEFORE_FLOOR, clock=NOW - 6 * DAY)
    stage.add("a clock years ahead", good, Code.TIME_UNTRUSTED, clock=NOW + 20 * YEAR)
    stage.add("a package that is not issued yet", good, Code.CERTIFICATE_NOT_YET_VALID, clock=NOW - 2 * DAY)
    stage.add("a package past its date", good, Code.PACKAGE_EXPIRED, clock=NOW + 31 * DAY)
    dated = Release(SMALL, install_by=NOW - 1)
    stage.add("a release past its date", stage.delivery(release=dated).files(), Code.PACKAGE_EXPIRED)
    late = stage.delivery(signers=(stage.vendor.release_signer(at=NOW - 60 * DAY),))
    stage.add("a signer that had expired at creation", late.files(), Code.CERTIFICATE_EXPIRED)
    early = stage.delivery(signers=(stage.vendor.release_signer(at=NOW),))
    stage.add("a signer that was not valid at creation", early.files(), Code.CERTIFICATE_NOT_YET_VALID)


def _by_signature(stage: _Stage, good: dict[str, bytes]) -> None:
    vendor = stage.vendor
    cases: tuple[tuple[str, Code, dict[str, Any]], ...] = (
        (
            "a release signed by a stranger",
            Code.CHAIN_INVALID,
            {"signers": (stage.stranger.release_signer(),)},
        ),
        (
            "a package sealed by a stranger's box",
            Code.CHAIN_INVALID,
            {"sealer": stage.stranger.box("box-1").signer},
        ),
        ("a release signed by a box", Code.PURPOSE_MISMATCH, {"signers": (stage.box.signer,)}),
        (
            "a delivery sealed by the vendor's sealer",
            Code.PURPOSE_MISMATCH,
            {"sealer": vendor.release_sealer()},
        ),
        ("a delivery sealed by a device", Code.PURPOSE_MISMATCH, {"sealer": stage.device.signer}),
        (
            "a signer of another line",
            Code.PURPOSE_MISMATCH,
            {"signers": (vendor.release_signer(line="beta"),)},
        ),
        ("a signer of an older release", Code.SIGNER_SUPERSEDED, {"signers": (vendor.release_signer(4),)}),
        ("a signer of a newer release", Code.PURPOSE_MISMATCH, {"signers": (vendor.release_signer(6),)}),
    )
    for name, code, changes in cases:
        stage.add(name, stage.delivery(**changes).files(), code)
    twice = (SignatureRule(family=Family.ECDSA, count=2),)
    stage.add(
        "one signature where two are required", good, Code.THRESHOLD_NOT_MET, policy={"signatures": twice}
    )
    doubled = stage.delivery(signers=(stage.signer, stage.signer)).files()
    stage.add(
        "one signer twice where two are required",
        doubled,
        Code.THRESHOLD_NOT_MET,
        policy={"signatures": twice},
    )
    another = stage.delivery(release=Release(SMALL, version="1.5.1")).files()
    mixed = {**good, "ENVELOPE.CBR": another["ENVELOPE.CBR"]}
    stage.add("an envelope of another release", mixed, Code.SIGNATURE_INVALID)
    stage.add(
        "a manifest with a changed signature", _changed(good, "MANIFEST.CBR", -5), Code.SIGNATURE_INVALID
    )
    stage.add(
        "an envelope with a changed signature", _changed(good, "ENVELOPE.CBR", -5), Code.SIGNATURE_INVALID
    )


def _by_revocation(stage: _Stage) -> None:
    vendor = stage.vendor
    files = stage.delivery().files()
    boxes, releases = Purpose.BOX_CA, Purpose.RELEASE_CA
    revoked = vendor.crl(boxes, 1, stage.box.signer.chain[0])
    fresh, older = vendor.crl(boxes, 2), vendor.crl(boxes, 1, at=NOW - 40 * DAY)
    stage.add("a revoked box", files, Code.REVOKED, crls=(revoked,))
    stage.add("a revoked signer", files, Code.REVOKED, crls=(vendor.crl(releases, 1, stage.signer.chain[0]),))
    stage.add("a stranger's list changes nothing", files, crls=(stage.stranger.crl(boxes, 9),))
    demanded = (CrlNumber(issuer=vendor.issuer_id(boxes), number=2),)
    strict = stage.delivery(release=Release(SMALL, crl_numbers=demanded)).files()
    stage.add("a list as new as the release demands", strict, crls=(fresh,))
    stage.add("a list older than the release demands", strict, Code.REVOCATION_STALE, crls=(older,))
    stage.add("no list where the release demands one", strict, Code.REVOCATION_STALE)
    aged = {"crl_max_age": 30 * DAY}
    stage.add("no list where the policy demands one", files, Code.REVOCATION_STALE, policy=aged)


def _by_content(stage: _Stage, good: dict[str, bytes]) -> None:
    payload = good["PAYLOAD.000"]
    present = Present(runs=(), page_offsets=(0, 0), base=keys.drawn("base"))
    partial = stage.delivery(present=present).files()
    plain = stage.delivery(cipher=Cipher.NONE, recipients=(), answer=None).files()
    rewrapped = stage.delivery(content_key=keys.drawn("another")).files()
    large = stage.delivery(release=Release(LARGE)).files()
    without = {where: data for where, data in large.items() if where != "PAYLOAD.001"}
    cases: tuple[tuple[str, Code, dict[str, bytes]], ...] = (
        ("a partial package for a device that cannot use it", Code.UNSUPPORTED_FORMAT, partial),
        ("a package without encryption where the policy wants it", Code.UNSUPPORTED_FORMAT, plain),
        ("a changed page of the chunk table", Code.DIGEST_MISMATCH, _changed(good, "CHUNKS.CBR", 10)),
        ("a changed payload", Code.DECRYPTION_FAILED, _changed(good, "PAYLOAD.000", 1000)),
        (
            "a payload of another package",
            Code.DECRYPTION_FAILED,
            {**good, "PAYLOAD.000": stage.delivery(package="another").files()["PAYLOAD.000"]},
        ),
        (
            "another content key than the payload's",
            Code.DECRYPTION_FAILED,
            {**rewrapped, "PAYLOAD.000": payload},
        ),
        ("a payload that is cut short", Code.TRUNCATED, {**good, "PAYLOAD.000": payload[:-1]}),
        ("a payload that is too long", Code.MALFORMED, {**good, "PAYLOAD.000": payload + b"\0"}),
        ("a segment that is missing", Code.TRUNCATED, without),
    )
    for name, code, files in cases:
        stage.add(name, files, code, policy={"unrequested": True} if files is plain else None)


def _changed(files: dict[str, bytes], where: str, place: int) -> dict[str, bytes]:
    data = bytearray(files[where])
    data[place] ^= 1
    return {**files, where: bytes(data)}
