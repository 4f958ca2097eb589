"""The import rule of docs/internals.md: who may know whom."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "deployer"
VALUES = [
    *("errors", "strict_json", "spec", "settings", "difference", "routing", "model", "evidence"),
    *("deployment", "patterns", "expressions", "versions", "tags", "policy", "rules", "drift"),
]
CONTRACTS = {"ports", "config"}
PROCEDURE = {
    *(
        "tls_probe",
        "health",
        "record",
        "choosing",
        "releases",
        "parts",
        "app_hooks",
        "quarantine",
        "takeover",
        "echoes",
        "rollout",
        "budget",
        "traffic",
    ),
    *("adoption", "order", "orders", "turns", "plan", "planning", "timetable", "reconcile"),
    *("sharing", "moving", "watching", "reloading", "settling", "reviving", "pulse"),
    *("published", "outputs", "telling", "reports", "keeping"),
    *("leftovers", "sight", "worker"),
}
READERS = {"earlier", "words", "timeline", "condition", "views"}
ADAPTERS = {"engines", "proxies", "registries", "stores", "sources", "notifiers"}
STANDARD_LIBRARY = set(sys.stdlib_module_names)
LIBRARIES_OF_ADAPTERS = {"flask", "docker", "sqlalchemy", "jinja2", "alembic", "gunicorn"}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file, with its full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def allowed(row: str) -> set[str]:
    """The rows that a row may import, itself included."""
    values, everything = set(VALUES), READERS | {"logs", "__version__", "__init__"}
    if row in VALUES:
        return set(VALUES[: VALUES.index(row) + 1])
    if row in CONTRACTS:
        return values | CONTRACTS
    if row in PROCEDURE:
        return values | CONTRACTS | PROCEDURE
    if row in ADAPTERS:
        return values | CONTRACTS | {row}
    if row == "web":
        return values | CONTRACTS | READERS | {"web", "logs", "__version__"}
    if row in READERS:
        return values | CONTRACTS | READERS
    if row == "logs":
        return {"logs"}
    return (
        values | CONTRACTS | PROCEDURE | ADAPTERS | everything | {"web", "wiring", "cli", "doctor"}
    )


def test_no_module_knows_more_than_its_row_allows() -> None:
    """Each row of the table imports only itself and the rows that it may know."""
    breaches = []
    for path in PACKAGE.rglob("*.py"):
        row = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for name in imports_of(path):
            package, _, rest = name.partition(".")
            target = rest.split(".")[0]
            if package == "deployer" and target and target not in allowed(row):
                breaches.append(f"{path.relative_to(PACKAGE)} imports {name}")
            if row in PROCEDURE and package in LIBRARIES_OF_ADAPTERS:
                breaches.append(f"{path.relative_to(PACKAGE)} imports {name}")
            if row in VALUES and package not in {"deployer", "semver"} | STANDARD_LIBRARY:
                breaches.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert breaches == []


def test_no_module_imports_itself_over_others() -> None:
    """There are no import cycles."""
    graph = {_name(path): _targets(path) for path in PACKAGE.rglob("*.py")}
    order: list[str] = []

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join([*above, module])
        if module not in order:
            for target in sorted(graph.get(module, set())):
                visit(target, (*above, module))
            order.append(module)

    for module in sorted(graph):
        visit(module, ())
    assert set(order) >= set(graph)


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _targets(path: Path) -> set[str]:
    """The modules of this package that are loaded when this one is: those at the top level."""
    known = {_name(other) for other in PACKAGE.rglob("*.py")} - {"deployer"}
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                for candidate in (f"{node.module}.{alias.name}", node.module):
                    if candidate in known:
                        found.add(candidate)
                        break
    return found - {_name(path)}
