"""What the demo says at the end: summary.json for programs, a few lines for people."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterable
from typing import Any

from appliance.box import ReceiptInfo
from appliance.cli.answer import plain
from appliance.cli.demo.story import FIRST, NEXT, SECOND, Outcomes, Versions
from appliance.cli.demo.workshop import PIN, Workshop
from media_format.durable import replace_file

_FACTORY = "factory"


def write(shop: Workshop, outcomes: Outcomes) -> dict[str, Any]:
    """Write summary.json and return what it holds."""
    data: dict[str, Any] = {
        "phases": plain(shop.phases),
        "versions": plain(outcomes.versions),
        "refusals": plain(outcomes.refusals),
        "receipts": plain(outcomes.receipts),
    }
    replace_file(shop.summary, json.dumps(data, indent=2, ensure_ascii=False).encode(), 0o644)
    return data


def tell(shop: Workshop, outcomes: Outcomes) -> str:
    """The summary for a person who has read nothing yet."""
    return f"""
A vendor signed firmware and sealed it for an update box. Two devices without a network left signed
requests on a stick. The box sealed the firmware anew for each of them alone. Each device checked it,
wrote it into its inactive slot as it streamed from the stick, and left a signed receipt. Between the
vendor's input and the devices' slots the firmware was never stored in the clear.

Versions
{_lines(f"{name}  {_change(versions)}" for name, versions in outcomes.versions.items())}

Refused, as it must be
{_lines(f"{attack.code:<20} {attack.name}" for attack in outcomes.refusals)}

Signed receipts at the box
{_lines(map(_receipt, reversed(outcomes.receipts)))}

{_next_steps(shop)}"""


def _next_steps(shop: Workshop) -> str:
    """Commands to be typed as they stand."""
    folder, stick, second_stick = shop.folder, shop.stick, shop.second_stick
    write = ("box", "write", shop.box_folder, second_stick, "--device", SECOND)
    return f"""Times and sizes are in {shop.summary}. What is on the stick now:
  {_command("inspect", stick)}

Be the technician (PIN {PIN}): {FIRST} asks for an update, and {NEXT} waits in the box. Write the stick
in the kiosk, then put it into the device (and back: F2 in the kiosk reads an image again):
  {_command("tui", shop.box_folder, "--no-udev", "--medium", stick)}
  {_command("device", "apply", folder / "device", stick)}

Or let a device notice its stick by itself: {SECOND} watches {shop.port}. Start it, and in another
terminal write a stick for it and plug that in:
  {_command("device", "watch", folder / "device-2")}
  {_command(*write, "--pin-file", folder / "box.pin")}
  {shlex.join(["mv", str(second_stick), str(shop.port)])}"""


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _change(versions: Versions) -> str:
    return f"{versions.before or _FACTORY} → {versions.after or _FACTORY}"


def _receipt(receipt: ReceiptInfo) -> str:
    change = _change(Versions(receipt.version_before, receipt.version_after))
    return f"{receipt.device_id}  {receipt.outcome:<10} {receipt.code or change}"


def _command(*words: object) -> str:
    """A command line that runs this program as it was run now."""
    program = sys.argv[0]
    if shutil.which("updatebox") == program:
        program = "updatebox"
    return shlex.join([program, *map(str, words)])
