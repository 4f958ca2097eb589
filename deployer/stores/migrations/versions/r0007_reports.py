"""Which commit a deployment is of, and up to where an app's deployments were reported."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column and the table."""
    empty = sa.text("''")
    op.add_column(
        "deployments", sa.Column("revision", sa.Text, nullable=False, server_default=empty)
    )
    op.create_table(
        "reported",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("change", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
