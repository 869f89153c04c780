"""Refusals: named reasons for saying no.

A `Refusal` is input that must not be accepted. Its code is stable: scripts, receipts and tests rely
on it. `ADVICE` holds the one sentence that tells a technician what happened and what to do next.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """The stable refusal codes. docs/security.md says which attack each one answers."""

    TIME_UNTRUSTED = "time-untrusted"
    TIME_BEFORE_FLOOR = "time-before-floor"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    CHAIN_INVALID = "chain-invalid"
    PURPOSE_MISMATCH = "purpose-mismatch"
    REVOKED = "revoked"
    REVOCATION_STALE = "revocation-stale"
    SIGNATURE_INVALID = "signature-invalid"
    THRESHOLD_NOT_MET = "threshold-not-met"
    NOT_FOR_THIS_DEVICE = "not-for-this-device"
    DEVICE_NOT_ENTITLED = "device-not-entitled"
    REQUEST_MISMATCH = "request-mismatch"
    REQUEST_REPLAYED = "request-replayed"
    ROLLBACK = "rollback"
    SIGNER_SUPERSEDED = "signer-superseded"
    EQUIVOCATION = "equivocation"
    PACKAGE_EXPIRED = "package-expired"
    ALREADY_INSTALLED = "already-installed"
    PREVIOUSLY_FAILED = "previously-failed"
    INCOMPATIBLE_HARDWARE = "incompatible-hardware"
    WRONG_BASE = "wrong-base"
    REGION_FORBIDDEN = "region-forbidden"
    NO_SPACE = "no-space"
    DIGEST_MISMATCH = "digest-mismatch"
    DECRYPTION_FAILED = "decryption-failed"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    UNSUPPORTED_FORMAT = "unsupported-format"
    TOO_LARGE = "too-large"
    MEDIUM_UNREADABLE = "medium-unreadable"
    MEDIUM_FULL = "medium-full"
    MEDIUM_WRITE_PROTECTED = "medium-write-protected"
    MEDIUM_FAKE_CAPACITY = "medium-fake-capacity"
    MEDIUM_BUSY = "medium-busy"
    MEDIUM_PULLED = "medium-pulled"
    SLOT_READBACK_MISMATCH = "slot-readback-mismatch"
    BOOT_CONTROL_FAILED = "boot-control-failed"
    HEALTH_CHECK_FAILED = "health-check-failed"
    TPM_LOCKED = "tpm-locked"
    TPM_UNAVAILABLE = "tpm-unavailable"
    PIN_WRONG = "pin-wrong"


ADVICE: dict[Code, str] = {
    Code.TIME_UNTRUSTED: "No clock here can be trusted; set or repair the clock, then try again.",
    Code.TIME_BEFORE_FLOOR: "The clock shows a time that has already passed; set the clock right.",
    Code.CERTIFICATE_EXPIRED: "A certificate has expired; ask the vendor for a renewed one.",
    Code.CERTIFICATE_NOT_YET_VALID: "A certificate is not valid yet; check the clock of this machine.",
    Code.CHAIN_INVALID: "This was not signed under a root this machine knows; use media from your vendor only.",
    Code.PURPOSE_MISMATCH: "A certificate was used for something it was not issued for; report this to the vendor.",
    Code.REVOKED: "A certificate in use here was revoked; ask the vendor for a new one.",
    Code.REVOCATION_STALE: "The revocation list is missing or too old; bring a fresh list from the vendor.",
    Code.SIGNATURE_INVALID: "A signature is wrong, so the data was changed; write the medium again.",
    Code.THRESHOLD_NOT_MET: "Too few of the required signatures are there; ask the vendor for a complete release.",
    Code.NOT_FOR_THIS_DEVICE: "This package was made for another device; put it into the device it names.",
    Code.DEVICE_NOT_ENTITLED: "This device is not on the box's list; allow it at the box, or ask the supervisor.",
    Code.REQUEST_MISMATCH: "The package answers a request this device has replaced; take the newest request to the box.",
    Code.REQUEST_REPLAYED: "This request is older than one already seen; let the device write a new request.",
    Code.ROLLBACK: "The device already runs a newer release; choose a newer one.",
    Code.SIGNER_SUPERSEDED: "The release was signed by a signer that was replaced; ask the vendor for a current release.",
    Code.EQUIVOCATION: "Two different releases claim the same place in the line; report this to the vendor at once.",
    Code.PACKAGE_EXPIRED: "The package is past its date; write it again at the box.",
    Code.ALREADY_INSTALLED: "This release is already installed; nothing needs to be done.",
    Code.PREVIOUSLY_FAILED: "This release failed on this device before; fix the cause, then apply it with --retry.",
    Code.INCOMPATIBLE_HARDWARE: "The release is not for this hardware or product; choose one that lists it.",
    Code.WRONG_BASE: "The package builds on a release this device does not run; write it again for a new request.",
    Code.REGION_FORBIDDEN: "The release wants to write where updates may not; report this to the vendor.",
    Code.NO_SPACE: "The image does not fit the slot; ask the vendor for a release made for this device.",
    Code.DIGEST_MISMATCH: "The data is not what the vendor signed; write the medium again, or use another stick.",
    Code.DECRYPTION_FAILED: "The data cannot be decrypted, so it was changed or is for another key; write the medium again.",
    Code.TRUNCATED: "Part of the package is missing; write the medium again and wait for 'Safe to remove'.",
    Code.MALFORMED: "The data does not follow the format; write it again, or report who made it.",
    Code.UNSUPPORTED_FORMAT: "This needs a newer version of the software; update this machine first.",
    Code.TOO_LARGE: "Something here is larger than allowed; ask the vendor for a release made for this device.",
    Code.MEDIUM_UNREADABLE: "The medium cannot be read as FAT; format it at the box, or use another one.",
    Code.MEDIUM_FULL: "The medium has too little room; delete files from it or use a larger one.",
    Code.MEDIUM_WRITE_PROTECTED: "The medium is write-protected; slide its switch or use another one.",
    Code.MEDIUM_FAKE_CAPACITY: "The medium holds less than it claims; throw it away and use another one.",
    Code.MEDIUM_BUSY: "The medium is in use, or is none that may be used here; eject it elsewhere, or see the reason.",
    Code.MEDIUM_PULLED: "The medium was pulled or stopped answering; put it back and try again.",
    Code.SLOT_READBACK_MISMATCH: "The slot does not hold what was written; the device's storage may be failing.",
    Code.BOOT_CONTROL_FAILED: "The bootloader could not be switched; the device keeps its old release.",
    Code.HEALTH_CHECK_FAILED: "The new release has not reported itself healthy; confirm it, or the device returns to the old one.",
    Code.TPM_LOCKED: "Too many wrong PINs; wait until the time shown, or ask a supervisor.",
    Code.TPM_UNAVAILABLE: "The key store does not answer; check that it is connected and running, and has room on its disk.",
    Code.PIN_WRONG: "The PIN or passphrase is wrong; try again with care, too many wrong ones lock it.",
}


class Refusal(Exception):
    """Input that must not be accepted.

    `code` is the stable name, `detail` one line that says what exactly was found (never a secret),
    `advice` the sentence for whoever reads it: the code's, for a technician with a package in a device, unless
    the one who refuses knows that somebody else is to do something else.
    """

    def __init__(self, code: Code, detail: str, advice: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.advice = advice or ADVICE[code]

    def about(self, subject: object) -> Refusal:
        """The same refusal, with a detail that says what it is about."""
        return Refusal(self.code, f"{subject}: {self.detail}", self.advice)
