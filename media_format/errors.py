"""The errors that are not refusals: the caller's mistake, or a machine that is broken.

Input that must not be accepted is a `media_format.refusal.Refusal`; everything else the project
raises on purpose is one of the two classes here, and says which.
"""


class Misuse(Exception):
    """Somebody asked for something that cannot be done this way: a wrong argument, a wrong order."""


class MachineFault(Exception):
    """The machine under the program does not do its part: a disk, a service, a damaged state.

    `code` is a stable name for scripts; `detail` says what was found, `advice` what to do where that is
    known.
    """

    def __init__(self, detail: str, *, code: str = "machine-fault", advice: str = "") -> None:
        super().__init__(f"{detail}; {advice}" if advice else detail)
        self.code = code
        self.detail = detail
        self.advice = advice
