"""What holds a deployment back, how it takes over, and containers that were there before."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.sqlite import REAL

revision = "0004"
down_revision = "0003"

_TIME: sa.types.TypeEngine[float] = sa.Double().with_variant(REAL(), "sqlite")


def upgrade() -> None:
    """Add the columns, and tables for quarantined digests, paused apps, adopted containers."""
    empty = sa.text("''")
    op.add_column("deployments", sa.Column("strategy", sa.Text))
    op.add_column(
        "deployments", sa.Column("cancelled_by", sa.Text, nullable=False, server_default=empty)
    )
    op.add_column("orders", sa.Column("detail", sa.Text, nullable=False, server_default=empty))
    _table(
        "quarantine",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        _deployment(),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    _table(
        "paused",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    _table(
        "adopted",
        sa.Column("container", sa.Text, primary_key=True),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("release", sa.Integer, nullable=False),
        _deployment(),
    )


def _table(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _deployment() -> sa.Column[Any]:
    return sa.Column("deployment", sa.Integer, sa.ForeignKey("deployments.id"), nullable=False)
