"""What a verb says: one JSON object or a few lines of text, and an exit code that scripts can use."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, ParamSpec

import click

from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal

P = ParamSpec("P")

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
REFUSED: Final = 3
REFUSED_MEDIUM: Final = 4
REFUSED_TPM: Final = 5

_SHOWN: Final = 200
"""Letters at most of what was given and is no text."""
INTERRUPTED: Final = "stopped before the end; run the command again"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found: `data` for programs, `text` for people, and the exit code."""

    data: Mapping[str, Any]
    text: str
    status: int = DONE


def exit_status(code: Code) -> int:
    """The exit code of a refusal."""
    if code.startswith("medium-"):
        return REFUSED_MEDIUM
    return REFUSED_TPM if code.startswith(("tpm-", "pin-")) else REFUSED


def answering(function: Callable[P, Answer]) -> Callable[P, None]:
    """Make a function that returns an `Answer` a verb with `--json`, and its errors exit codes."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json"))
        try:
            answer = function(*args, **kwargs)
        except Refusal as refusal:
            answer = refused(refusal)
        except Misuse as misuse:
            answer = _failed("misuse", str(misuse), USAGE)
        except MachineFault as fault:
            answer = failed(fault)
        except (KeyboardInterrupt, click.Abort):
            answer = _failed("interrupted", INTERRUPTED, FAILED)
        except UnicodeEncodeError as error:
            answer = _failed("misuse", f"{ascii(error.object)[:_SHOWN]} is no text in UTF-8", USAGE)
        except OSError as error:
            answer = _failed("machine-fault", f"{error.filename or 'the system'}: {error.strerror}", FAILED)
        _say(answer, as_json=as_json)
        sys.exit(answer.status)

    return wrapped


def refused(refusal: Refusal) -> Answer:
    """The answer for a refusal: its code is the first word."""
    data = {"code": refusal.code, "detail": refusal.detail, "advice": refusal.advice}
    text = f"{refusal.code}: {refusal.detail}\n{refusal.advice}"
    return Answer(data, text, exit_status(refusal.code))


def failed(fault: MachineFault) -> Answer:
    """The answer for a machine that does not do its part: the fault's code is the first word."""
    data = {"code": fault.code, "detail": fault.detail}
    if not fault.advice:
        return Answer(data, f"{fault.code}: {fault.detail}", FAILED)
    text = f"{fault.code}: {fault.detail}\n{fault.advice[0].upper()}{fault.advice[1:]}."
    return Answer({**data, "advice": fault.advice}, text, FAILED)


def of_many(
    data: Mapping[str, Any], lines: Sequence[str], refusals: Sequence[Refusal], *, accepted: bool
) -> Answer:
    """The answer about several things, a line for each, then what to do about those that were refused.

    It is a refusal, by the first code, only where nothing was accepted.
    """
    text = "\n".join([*lines, *dict.fromkeys(refusal.advice for refusal in refusals)])
    if accepted or not refusals:
        return Answer(data, text)
    first = refused(refusals[0])
    return Answer({**first.data, **data}, text, first.status)


def about(subject: str, detail: str) -> str:
    """A detail that says what it is about, once."""
    return detail if detail.startswith(subject) else f"{subject}: {detail}"


def _failed(kind: str, detail: str, status: int) -> Answer:
    return Answer({"code": kind, "detail": detail}, f"{kind}: {detail}", status)


def _say(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        told = {"ok": answer.status == DONE, **plain(answer.data)}
        click.echo(_escaped(json.dumps(told, indent=2, ensure_ascii=False)))
    if answer.text and (answer.status != DONE or not as_json):
        click.echo(_printable(answer.text), err=answer.status != DONE)


def _printable(text: str) -> str:
    """Lines that cannot move a cursor or ring a bell: much of what is told was written by strangers."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def _escaped(told: str) -> str:
    """JSON that cannot do so either, and says the same: its strings may hold any letter as an escape."""
    return "".join(letter if letter.isprintable() or letter == "\n" else _escape(letter) for letter in told)


def _escape(letter: str) -> str:
    """A letter as JSON escapes it, by its units of UTF-16 (RFC 8259, section 7)."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def plain(value: Any) -> Any:
    """A value as JSON knows it: bytes in hexadecimal, numbered things by name, dataclasses as objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields if field.repr}
    if isinstance(value, enum.IntEnum):
        return value.name.lower().replace("_", "-")
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value
