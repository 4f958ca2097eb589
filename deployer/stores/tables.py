"""The tables, as the newest migration leaves them; rules that must never break are in them."""

from typing import Any

from sqlalchemy import (
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.sqlite import REAL
from sqlalchemy.types import TypeEngine

metadata = MetaData()

# Seconds since 1970 (UTC); a strict table of SQLite knows no type of the name DOUBLE.
Time: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
# AUTOINCREMENT: a number that people have seen never comes to mean something else.
_COUNTED: dict[str, Any] = {"sqlite_strict": True, "sqlite_autoincrement": True}
_STRICT: dict[str, Any] = {"sqlite_strict": True}

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    **_STRICT,
)

# `replay_of` refers to no row: Alembic can add no such column to a table of SQLite.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hook", Text, nullable=False),
    Column("received_at", Time, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sender_id", Text, nullable=False, server_default=text("''")),
    Column("heard", Text, nullable=False, server_default=text("''")),
    Column("replay_of", Integer),
    Column("given_by", Text, nullable=False, server_default=text("''")),
    **_COUNTED,
)
Index(
    "deliveries_by_sender",
    deliveries.c.hook,
    deliveries.c.sender_id,
    sqlite_where=text("sender_id <> ''"),
    postgresql_where=text("sender_id <> ''"),
)
Index("deliveries_by_verdict", deliveries.c.hook, deliveries.c.verdict)

releases = Table(
    "releases",
    metadata,
    Column("app", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("host", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    **_STRICT,
)

# `release` refers to no row: a rollback may name one that is gone, and history outlives them.
deployments = Table(
    "deployments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("app", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("queued_at", Time, nullable=False),
    Column("tag", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("release", Integer),
    Column("delivery", Integer, ForeignKey("deliveries.id")),
    Column("status", Text, nullable=False),
    Column("step", Text),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Time),
    Column("ended_at", Time),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("serving", Integer),
    Column("strategy", Text),
    Column("cancelled_by", Text, nullable=False, server_default=text("''")),
    Column("revision", Text, nullable=False, server_default=text("''")),
    **_COUNTED,
)
Index("deployments_by_app", deployments.c.app, deployments.c.id)
for _status in ("queued", "running"):
    Index(
        f"one_{_status}_per_app",
        deployments.c.app,
        unique=True,
        sqlite_where=text(f"status = '{_status}'"),
        postgresql_where=text(f"status = '{_status}'"),
    )

# All deliveries that asked for a deployment; the first of them is in its row.
asked_by = Table(
    "asked_by",
    metadata,
    Column("delivery", Integer, ForeignKey("deliveries.id"), primary_key=True),
    Column("deployment", Integer, ForeignKey("deployments.id"), primary_key=True),
    **_STRICT,
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deployment", Integer, ForeignKey("deployments.id"), nullable=False),
    Column("at", Time, nullable=False),
    Column("status", Text, nullable=False),
    Column("step", Text),
    Column("message", Text, nullable=False),
    **_COUNTED,
)
Index("transitions_by_deployment", transitions.c.deployment)

orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("given_at", Time, nullable=False),
    Column("tag", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("release", Integer),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("deployment", Integer, ForeignKey("deployments.id")),
    Column("detail", Text, nullable=False, server_default=text("''")),
    **_COUNTED,
)
Index(
    "open_orders",
    orders.c.id,
    sqlite_where=text("result = ''"),
    postgresql_where=text("result = ''"),
)

active = Table(
    "active",
    metadata,
    Column("app", Text, primary_key=True),
    Column("release", Integer, nullable=False),
    Column("deployment", Integer, ForeignKey("deployments.id"), nullable=False),
    ForeignKeyConstraint(["app", "release"], ["releases.app", "releases.number"]),
    **_STRICT,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("app", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("deployment", Integer, ForeignKey("deployments.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Time, nullable=False),
    **_STRICT,
)

paused = Table(
    "paused",
    metadata,
    Column("app", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", Time, nullable=False),
    **_STRICT,
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("app", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", Time, nullable=False),
    **_STRICT,
)

# Containers that were there before deployer and count as replicas of a release.
adopted = Table(
    "adopted",
    metadata,
    Column("container", Text, primary_key=True),
    Column("app", Text, nullable=False),
    Column("release", Integer, nullable=False),
    Column("deployment", Integer, ForeignKey("deployments.id"), nullable=False),
    **_STRICT,
)

# Of each app whose deployments are reported, the last transition for which that is done.
reported = Table(
    "reported",
    metadata,
    Column("app", Text, primary_key=True),
    Column("change", Integer, nullable=False),
    **_STRICT,
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    **_STRICT,
)
