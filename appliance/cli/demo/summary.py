"""What the demo says at the end: summary.json for programs, a few lines for people."""

from __future__ import annotations

import json
from typing import Any

from appliance.cli.answer import plain
from appliance.cli.demo.story import FIRST, Outcomes
from appliance.cli.demo.workshop import PIN, Workshop
from media_format.durable import replace_file


def write(shop: Workshop, outcomes: Outcomes) -> dict[str, Any]:
    """Write summary.json and return what it holds."""
    data: dict[str, Any] = {
        "phases": plain(shop.phases),
        "versions": {"before": outcomes.before, "after": outcomes.after},
        "refusals": plain(shop.attacks),
        "receipts": plain(outcomes.receipts),
    }
    replace_file(shop.folder / "summary.json", json.dumps(data, indent=2).encode(), 0o644)
    return data


def tell(shop: Workshop, outcomes: Outcomes) -> str:
    """The summary for a person who has read nothing yet."""
    refused = "\n".join(f"  - {attack.name}: {attack.code}" for attack in shop.attacks)
    seen = "\n".join(
        f"  - {receipt.device_id}: {receipt.outcome}"
        f" {receipt.version_before or '-'} → {receipt.version_after or '-'}"
        f"{f' ({receipt.code})' if receipt.code else ''}"
        for receipt in reversed(outcomes.receipts)
    )
    return f"""
A vendor signed firmware and sealed it for an update box. Two devices left signed requests on one stick.
The box sealed the firmware for each of them alone; each device checked it, installed it into its
inactive slot while it streamed, and left a signed receipt. Firmware was never stored in the clear
between the vendor's input and the devices' slots.

{FIRST} went from {outcomes.before} to {outcomes.after}.
Refused, as it must be:
{refused}
Signed receipts at the box:
{seen}

Everything is in {shop.folder} (see summary.json). Release 1.2.0 waits in the box, and the stick holds
new requests. Be the technician (PIN {PIN}):
  .venv/bin/updatebox tui {shop.box_folder} --medium {shop.stick}
Or let a device watch for media:
  .venv/bin/updatebox device watch {shop.folder / "device"}"""
