"""Digests of the sealed files, and releases that are not offered any more."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Releases of older stores have no digests until they are imported again."""
    op.add_column("releases", sa.Column("retired", sa.Integer))
    op.create_table(
        "package_files",
        sa.Column("package_id", sa.LargeBinary, sa.ForeignKey("releases.package_id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
