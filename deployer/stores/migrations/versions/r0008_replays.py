"""What a delivery said, and which one an operator let count once more."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; of what came before, nobody knows any more what it said."""
    empty = sa.text("''")
    op.add_column("deliveries", sa.Column("heard", sa.Text, nullable=False, server_default=empty))
    op.add_column("deliveries", sa.Column("replay_of", sa.Integer))
    op.add_column(
        "deliveries", sa.Column("given_by", sa.Text, nullable=False, server_default=empty)
    )
