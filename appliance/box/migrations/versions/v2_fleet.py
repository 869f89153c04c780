"""What each device comes to, in a table of its own, and receipts in the order of their lists."""

from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import op

from media_format import cose
from media_format.objects import Receipt, Request
from media_format.refusal import Refusal

revision = "2"
down_revision = "1"

R = TypeVar("R", Receipt, Request)

_NEWEST = """
    SELECT d.id, d.epoch, d.product, d.line, d.hardware, d.request, r.counter, r.receipt, r.collected
    FROM devices d LEFT JOIN receipts r ON r.device_id = d.id AND r.epoch = d.epoch AND r.counter = (
        SELECT max(counter) FROM receipts WHERE device_id = d.id AND epoch = d.epoch)
"""


def upgrade() -> None:
    """What is not told by a device's newest request and receipt stays open until the next ones."""
    fleet = op.create_table(
        "fleet",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("product", "line", "hardware")),
        sa.Column("version", sa.Text),
        sa.Column("head", sa.Integer),
        sa.Column("reported", sa.Integer),
        sa.Column("outcome", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("finished", sa.Integer),
        sa.Column("clock", sa.Text),
        sa.Column("collected", sa.Integer),
        sa.Column("written", sa.Integer),
        sa.Column("written_version", sa.Text),
        sa.ForeignKeyConstraint(["id", "epoch"], ["devices.id", "devices.epoch"]),
        sqlite_strict=True,
    )
    op.create_index("fleet_by_kind", "fleet", ["product", "line", "hardware"])
    op.create_index("fleet_by_product", "fleet", ["product", "id", "epoch"])
    op.create_index("fleet_by_outcome", "fleet", ["outcome", "id", "epoch"])
    op.create_index("fleet_waiting", "fleet", ["id", "epoch"], sqlite_where=sa.text("written IS NOT NULL"))
    connection = op.get_bind()
    for row in connection.execute(sa.text(_NEWEST)).fetchall():
        connection.execute(fleet.insert().values(**dict(_told(row))))
    order = ["collected", "device_id", "epoch", "counter"]
    op.drop_index("receipts_by_time", "receipts")
    op.create_index("receipts_by_time", "receipts", order)
    op.create_index("receipts_by_outcome", "receipts", ["outcome", *order])


def _told(row: Any) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("id", "epoch", "product", "line", "hardware")}
    receipt, request = _read(Receipt, row.receipt), _read(Request, row.request)
    if receipt is not None:
        told |= {"reported": row.counter, "collected": row.collected, "version": receipt.version_after}
        told |= {"outcome": receipt.outcome.name.lower(), "code": receipt.code and str(receipt.code)}
        told |= {"finished": receipt.time.finished, "clock": receipt.time.source}
    if request is not None:
        told["head"] = request.head.index if request.head else None
        running = (slot.version for slot in request.slots if slot.active and slot.version)
        told["version"] = next(running, None) or told.get("version")
    return told


def _read(kind: type[R], data: bytes | None) -> R | None:
    """What a device signed; None where there is nothing, or it was damaged since: the checker says so."""
    try:
        return kind.from_bytes(cose.read_sign1(data, kind.CONTENT_TYPE, kind.LIMIT).payload) if data else None
    except Refusal:
        return None
