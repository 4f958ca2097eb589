"""The first schema."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.sqlite import REAL

revision = "0001"
down_revision = None

_TIME: sa.types.TypeEngine[float] = sa.Double().with_variant(REAL(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _table(name: str, *parts: sa.schema.SchemaItem, counted: bool = False) -> sa.Table:
    return op.create_table(name, *parts, sqlite_strict=True, sqlite_autoincrement=counted)


def upgrade() -> None:
    """Make all tables, and give this store the name that tells it from any other."""
    key = sa.Column("key", sa.Text, primary_key=True)
    meta = _table("meta", key, *_texts("value"))
    op.bulk_insert(meta, [{"key": "instance", "value": secrets.token_hex(4)}])
    _inbound()
    _deployments()
    _transitions()
    _table(
        "active",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("release", sa.Integer, nullable=False),
        sa.Column("deployment", sa.Integer, sa.ForeignKey("deployments.id"), nullable=False),
        sa.ForeignKeyConstraint(["app", "release"], ["releases.app", "releases.number"]),
    )
    _table("snapshot", sa.Column("id", sa.Integer, primary_key=True), *_texts("body"))


def _inbound() -> None:
    _table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        *_texts("hook"),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *_texts("verdict", "reason"),
        counted=True,
    )
    _table(
        "releases",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *_texts("host", "repository", "tag", "digest", "sealed"),
        sa.Column("created_at", _TIME, nullable=False),
    )


def _deployments() -> None:
    _table(
        "deployments",
        sa.Column("id", sa.Integer, primary_key=True),
        *_texts("app", "trigger"),
        sa.Column("queued_at", _TIME, nullable=False),
        *_texts("tag", "digest"),
        sa.Column("release", sa.Integer),
        sa.Column("delivery", sa.Integer, sa.ForeignKey("deliveries.id")),
        *_texts("status"),
        sa.Column("step", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("ended_at", _TIME),
        *_texts("reason", "detail"),
        sa.Column("serving", sa.Integer),
        counted=True,
    )
    op.create_index("deployments_by_app", "deployments", ["app", "id"])
    for status in ("queued", "running"):
        where = sa.text(f"status = '{status}'")
        op.create_index(
            f"one_{status}_per_app", "deployments", ["app"], unique=True, sqlite_where=where
        )
    _table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        *_texts("kind", "app", "given_by"),
        sa.Column("given_at", _TIME, nullable=False),
        *_texts("tag", "digest"),
        sa.Column("release", sa.Integer),
        *_texts("result", "reason"),
        sa.Column("deployment", sa.Integer, sa.ForeignKey("deployments.id")),
        counted=True,
    )
    op.create_index("open_orders", "orders", ["id"], sqlite_where=sa.text("result = ''"))


def _transitions() -> None:
    _table(
        "transitions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("deployment", sa.Integer, sa.ForeignKey("deployments.id"), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        *_texts("status"),
        sa.Column("step", sa.Text),
        *_texts("message"),
        counted=True,
    )
    op.create_index("transitions_by_deployment", "transitions", ["deployment"])
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER transitions_refuse_{change.lower()} BEFORE {change} ON transitions"
            " BEGIN SELECT RAISE(ABORT, 'history is only ever added to'); END"
        )
