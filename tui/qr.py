"""QR codes for a terminal."""

from __future__ import annotations

import segno

_QUIET = 4
"""Light modules around the code (ISO/IEC 18004, section 5.3.8)."""


def qr_code(text: str) -> str:
    """A QR code in half blocks, two rows of modules in one row of characters: light ones are drawn."""
    code = segno.make(text.upper(), error="l", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=_QUIET)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return "\n".join(
        "".join(blocks[int(bool(upper)), int(bool(lower))] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )
