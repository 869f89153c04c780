"""Every sentence that the kiosk shows, in one place."""

from __future__ import annotations

from typing import Final

TITLE: Final = "updatebox"
NOBODY: Final = "locked"

# Keys: a word for each action

HELP_KEY: Final = "Help"
READ_KEY: Final = "Read again"
RESULTS_KEY: Final = "Results"
LOCK_KEY: Final = "Lock"
QUIT_KEY: Final = "Quit"
UNLOCK_KEY: Final = "Unlock"
WRITE_KEY: Final = "Write now"
CANCEL_KEY: Final = "Cancel"
BACK_KEY: Final = "Back"
BAYS_KEY: Final = "Other bays"
DONE_KEY: Final = "Done"
NEXT_CODE_KEY: Final = "Next code"

# Unlock

UNLOCK_TITLE: Final = "Who are you?"
UNLOCK_PIN: Final = "Type your PIN"
UNLOCK_WAIT: Final = "Checking the PIN …"
UNLOCK_NAME: Final = "Choose your name first."
LOCKED_IDLE: Final = "Locked, because nobody used the box for a while."
LOCKED_OUT: Final = "{name}: {problem}.\nOthers can unlock the box. A supervisor can give {name} a new PIN."
NO_USERS: Final = "Nobody may use this box yet. Its maker makes the first supervisor: updatebox box init"
BRIEF_TITLE: Final = "In the bays"
ERASE: Final = "Del"
OK: Final = "OK"

# Health

HEALTH: Final = {"good": "BOX HEALTHY", "warning": "ATTENTION", "trouble": "NOT READY"}
HEALTH_READING: Final = "Looking at the box …"
NO_TIME: Final = "no trusted time"
TPM_READY: Final = "ready"
TPM_LOCKED_UNTIL: Final = "a PIN locked until {time}"
RELEASES: Final = "{count} releases"
RELEASES_ONE: Final = "1 release"
NO_CERTIFICATES: Final = (
    "No certificates yet. Send the box's enrolment request to the vendor, then install the answer: "
    "updatebox box certs DIR --install FILE"
)
TIME_PROBLEM: Final = "No clock can be trusted: {problem}. {advice}"
TIME_ADVICE: Final = "Set or repair the clock."
REVOKED: Final = "The vendor revoked this box. It writes nothing any more: return it to the vendor."
EXPIRED: Final = "Expired on {day}: {subject}. Ask the vendor for a renewed one."
EXPIRES: Final = (
    "Expires on {day}: {subject}. Ask the vendor for a renewed one; less than {within} days left."
)
LITTLE_ROOM: Final = "Only {free} are free in the box's store. Ask a supervisor to make room."
WATCHER_FAULT: Final = "Media are not noticed any more. Start the box again."

# Bays

BAYS_TITLE: Final = "Bays"
BAYS_EMPTY: Final = "Plug in a stick or a card that a device has written its request to."
BAY_READING: Final = "Reading …"
PRESS_ENTER: Final = "Press Enter."
ENTER_SHOWS: Final = "Enter shows the code again."
ROOM: Final = "{capacity}, {free} free"
EMPTY: Final = "empty"
REQUESTS: Final = ("request", "requests")
PACKAGES: Final = ("package", "packages")
RECEIPTS: Final = ("new receipt", "new receipts")
FOREIGN: Final = ("other file", "other files")
STATES: Final = {
    "reading": "READING",
    "unreadable": "CANNOT BE USED",
    "waiting": "YOUR TURN",
    "idle": "NOTHING TO DO",
    "working": "WORKING",
    "done": "DONE",
    "stopped": "STOPPED",
}
MEDIUM_REMOVED: Final = "The medium was removed."

# Review

REVIEW_TITLE: Final = "Write an update"
REVIEW_HINT: Final = "Space or a touch marks which devices get their update."
REVIEW_NONE: Final = "Mark at least one device."
REVIEW_VERSIONS: Final = "{device}   {product}   {running} → {release}"
REVIEW_NO_RELEASE: Final = "no release"
REVIEW_DETAIL: Final = "Request {counter}: signed by the device, which is allowed here. {certificate}"
REVIEW_UNTIL: Final = "Certificate valid until {day}."
REVIEW_NO_END: Final = "Certificate without an end."
REVIEW_ANSWERED: Final = "On this medium already."
REVIEW_NOTES: Final = "{size}. {notes}"
REVIEW_REFUSED: Final = "NOT {name}: {advice} ({code})"
REVIEW_WITHHELD: Final = "NOT {release}: {advice} ({code})"
REVIEW_NEWEST: Final = "{device} has the newest release."
REVIEW_UNCONFIRMED: Final = "{release} is installed on {device}, not confirmed yet."
REVIEW_CHECKS: Final = (
    "The device will check the signatures, that the package is for it, that nothing was revoked, that the "
    "release is newer than its own, and every piece before it installs it."
)

# Progress

PROGRESS_TITLE: Final = "At work"
WORKING: Final = {"write": "Writing", "collect": "Reading receipts", "import": "Taking in a release"}
DO_NOT_REMOVE: Final = "DO NOT REMOVE THE MEDIUM"
CANCELLING: Final = "Cancelling: the medium is being cleaned …"
PHASE_FIRST: Final = "Looking at the medium"
PHASES: Final = {
    "write": "Sealing and writing",
    "read back": "Reading back",
    "import": "Checking and storing",
}
TIME_LEFT: Final = "{time} left"
STALLED: Final = "waiting for the medium"
NO_CANCEL: Final = "This cannot be cancelled; it leaves the medium as it is."

# Outcomes

OUTCOME_TITLE: Final = "Done with this medium"
SAFE: Final = "SAFE TO REMOVE"
SAFE_NEXT: Final = "Take the medium to the device. It notices it, checks it and installs by itself."
WRITTEN: Final = "{version} for {devices}: {size}, {read_back}."
READ_BACK: Final = {
    "direct": "read back from the medium",
    "flushed": "read back from the medium",
    "cached": "read back, perhaps only from memory",
}
CODE: Final = "Package {code}"
CODE_OF: Final = "Package {code}, code {number} of {count}"
STOPPED: Final = "NOT DONE"
STOPPED_NEXT: Final = "Nothing half-written counts: a device takes whole packages only."
CANCELLED_HEADING: Final = "CANCELLED"
CANCELLED: Final = "The medium is as it was. It can be removed, or written later."
COLLECTED_HEADING: Final = "RECEIPTS TAKEN IN"
COLLECTED: Final = "{count} new receipts are in the box. F3 on the bays' screen shows all."
COLLECTED_ONE: Final = "1 new receipt is in the box. F3 on the bays' screen shows all."
RECEIPT_REFUSED: Final = "{file} was not taken: {code} ({detail})"
IMPORTED_HEADING: Final = "RELEASE TAKEN IN"
IMPORTED: Final = "In the store now: {names}. The medium can be removed."
FAULT: Final = (
    "Something went wrong in the box that should not. Try again; if it comes back, tell the maker what "
    "stands in brackets. It is in the ledger."
)

# Results

RESULTS_TITLE: Final = "Results"
RESULTS_EMPTY: Final = "No receipts have been collected yet."
RESULTS_COLUMNS: Final = ("Device", "Outcome", "Release", "When")
OUTCOMES: Final = {
    "installed": "installed",
    "confirmed": "confirmed good",
    "refused": "REFUSED",
    "failed": "FAILED",
    "rolled_back": "WENT BACK",
}
RESULT_FINE: Final = "Nothing needs to be done."
RESULT_GAP: Final = "A receipt before this one is missing: bring the medium that holds it."

# Help, by screen

HELP_TITLE: Final = "Help"
HELP: Final = {
    "UnlockScreen": "Choose your name with the arrow keys and press Enter. Type your PIN, or touch the "
    "numbers, and press Enter or touch OK.\n\nAfter too many wrong PINs the box takes yours no more for a "
    "while and says how long. Others can unlock it meanwhile, and a supervisor can give you a new PIN.",
    "BaysScreen": "Each medium that is plugged in has a card. The card says what is on the medium and what "
    "to do next. Choose a card with the arrow keys and press Enter, or touch it.\n\nThe line on top says "
    "whether the box is healthy. F2 reads all media again, F3 shows what devices reported, F4 locks.",
    "ReviewScreen": "Look who gets which release. Space or a touch marks a device or takes the mark away. "
    "Then press Enter on Write now.\n\nOnly devices whose requests were checked can be marked. Escape goes "
    "back; nothing is written before Write now.",
    "ProgressScreen": "Wait for SAFE TO REMOVE. The box writes, then reads everything back from the medium."
    "\n\nEscape cancels and leaves the medium as it was. F6 goes to the other bays; the work goes on. If "
    "the medium was pulled too early, put it back and write again.",
    "OutcomeScreen": "This is what became of the work, and what to do next. The code names the package; "
    "scan it into your papers if you keep some.\n\nEnter or Escape goes back to the bays.",
    "ResultsScreen": "What devices reported about their updates, the newest first. Move with the arrow "
    "keys. Below stands what to do about the chosen one.",
}
