"""An index to count deliveries by: their bodies stand before their verdicts in each row."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index."""
    op.create_index("deliveries_by_verdict", "deliveries", ["hook", "verdict"])
