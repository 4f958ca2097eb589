"""The sender's own id of a delivery, by which one that comes twice is known."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give deliveries the id, "" for those of senders without, and make both ends findable."""
    empty = sa.text("''")
    op.add_column(
        "deliveries", sa.Column("sender_id", sa.Text, nullable=False, server_default=empty)
    )
    op.create_index(
        "deliveries_by_sender",
        "deliveries",
        ["hook", "sender_id"],
        sqlite_where=sa.text("sender_id <> ''"),
    )
    op.create_index("deployments_by_delivery", "deployments", ["delivery"])
