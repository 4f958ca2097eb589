"""Which deliveries asked for a deployment: several may, before it begins."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table, with what is known so far."""
    op.create_table(
        "asked_by",
        sa.Column("delivery", sa.Integer, sa.ForeignKey("deliveries.id"), primary_key=True),
        sa.Column("deployment", sa.Integer, sa.ForeignKey("deployments.id"), primary_key=True),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO asked_by (delivery, deployment) "
        "SELECT delivery, id FROM deployments WHERE delivery IS NOT NULL"
    )
    op.drop_index("deployments_by_delivery")
