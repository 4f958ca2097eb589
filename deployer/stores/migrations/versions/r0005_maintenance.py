"""Apps whose requests all get 503 for a while."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.sqlite import REAL

revision = "0005"
down_revision = "0004"

_TIME: sa.types.TypeEngine[float] = sa.Double().with_variant(REAL(), "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "maintenance",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sqlite_strict=True,
    )
