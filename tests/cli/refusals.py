"""What every refusal on the command line looks like, and that nothing but its receipt remains of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from media_format.refusal import ADVICE, Code
from tests.cli.state import DEVICE_WRITES, box_state, device_state, medium_state
from tests.cli.workshop import Said, Workshop, run

_STATUS = {"medium": 4, "tpm": 5, "pin": 5}


def says(said: Said, code: Code, advice: str | None = None) -> dict[str, Any]:
    """Check exit status, first word, JSON and advice (None: the code's) of a refusal; returns the JSON."""
    advice = advice or ADVICE[code]
    assert said.status == _STATUS.get(code.partition("-")[0], 3), (said.status, said.err)
    assert said.err.split()[0].rstrip(":") == code, said.err
    assert advice in said.err
    data = said.data
    assert (data["ok"], data["code"], data["advice"]) == (False, code, advice)
    assert data["detail"]
    return data


def device_refuses(
    shop: Workshop,
    code: Code,
    *,
    device: Path | None = None,
    medium: Path | None = None,
    options: tuple[str, ...] = (),
    streamed: bool = False,
    advice: str | None = None,
) -> dict[str, Any]:
    """`device apply` refuses what is on the stick, and slots, boot control, key chain and stick stay."""
    device, medium = device or shop.device, medium or shop.stick
    before = device_state(device, streamed=streamed), medium_state(medium, without=DEVICE_WRITES)
    data = says(run("device", "apply", device, medium, *options, "--json"), code, advice)
    after = device_state(device, streamed=streamed), medium_state(medium, without=DEVICE_WRITES)
    assert after == before
    return data


def device_refuses_and_reports(shop: Workshop, code: Code, *, streamed: bool = False) -> dict[str, Any]:
    """As `device_refuses`; then the box collects a receipt that names the code."""
    data = device_refuses(shop, code, streamed=streamed)
    reports(shop, code)
    return data


def reports(shop: Workshop, code: Code, outcome: str = "refused", medium: Path | None = None) -> None:
    """The last receipt of PUMP-1 on the stick names the code, and the box says what to do about it."""
    last = shop.reported(medium)[-1]
    assert (last["device_id"], last["outcome"], last["code"]) == ("PUMP-1", outcome, code)
    assert last["advice"] == ADVICE[code]


def box_refuses(
    shop: Workshop, code: Code, *arguments: object, medium: Path | None = None, advice: str | None = None
) -> dict[str, Any]:
    """A verb of the box refuses, and its store and the stick stay as they were."""
    medium = medium or shop.stick
    before = box_state(shop.box), medium_state(medium)
    data = says(run("box", *arguments, "--json"), code, advice)
    assert (box_state(shop.box), medium_state(medium)) == before
    return data
