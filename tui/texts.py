"""Every sentence that the kiosk shows, in one place."""

from __future__ import annotations

from typing import Final

TITLE: Final = "updatebox"

UNLOCK_TITLE: Final = "Who are you?"
UNLOCK_PIN: Final = "PIN"
UNLOCK_BUTTON: Final = "Unlock"
UNLOCK_WAIT: Final = "Checking the PIN …"
LOCKED_IDLE: Final = "Locked, because nobody used the box for a while."

BAYS_TITLE: Final = "Bays"
BAYS_EMPTY: Final = "Plug in a stick or a card that a device has written its request to."
BAY_READING: Final = "Reading …"
BAY_ENTER: Final = "Press Enter."

REVIEW_TITLE: Final = "Write an update"
REVIEW_BUTTON: Final = "Write now"
REVIEW_CHECKS: Final = (
    "The device will check the signatures, that the package is for it, that nothing was revoked, that the "
    "release is newer than its own, and every piece before it writes it."
)
CANCEL_BUTTON: Final = "Cancel"
BACK_BUTTON: Final = "Back"
WRITING: Final = "Do not remove the medium."
CANCELLED: Final = "Cancelled. The medium is as it was."
SAFE: Final = "SAFE TO REMOVE"
SAFE_NEXT: Final = "Take the medium to the device. It notices it, checks it and installs by itself."
STOPPED: Final = "NOT WRITTEN"

PHASES: Final = {
    "write": "Sealing and writing",
    "read back": "Reading back",
    "import": "Checking and storing",
}

RESULTS_TITLE: Final = "Results"
RESULTS_EMPTY: Final = "No receipts have been collected yet."
COLLECTED: Final = "Receipts were collected. See Results (F3)."
IMPORTED: Final = "In the store now: "

HELP: Final = {
    "UnlockScreen": "Choose your name with the arrow keys and press Enter, type your PIN and press Enter. "
    "After too many wrong PINs the box locks itself for a while and says until when.",
    "BaysScreen": "Each medium that is plugged in has a card. The card says what is on the medium and "
    "what to do next. Choose a card with the arrow keys and press Enter.",
    "WriteScreen": "Review who gets which release, then press Enter on Write now. Wait for "
    "'Safe to remove'. If the medium is pulled too early, put it back and write again: nothing "
    "half-written is taken for whole.",
    "ResultsScreen": "What devices reported about their updates, the newest first. Where something was "
    "refused, the last column says what to do next.",
}
