"""What a generation serves, as it is written beside its files and read back by the next worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from deployer.errors import RenderRefused
from deployer.proxies import allowed
from deployer.routing import Route

_ROUTES = TypeAdapter(tuple[Route, ...])


def served_text(routes: Iterable[Route]) -> str:
    """These routes without their targets: which come and go while the sites stay as they are."""
    stable = sorted((replace(one, targets=()) for one in routes), key=lambda one: one.app)
    return _ROUTES.dump_json(tuple(stable), indent=1).decode() + "\n"


def read_served(text: str) -> Mapping[str, Route]:
    """The routes by app; none where the text is of another deployer, or of nobody."""
    try:
        routes = _ROUTES.validate_json(text or "[]")
    except ValidationError:
        return {}
    return {one.app: one for one in routes if _is_name(one.app)}


def _is_name(text: str) -> bool:
    try:
        return bool(allowed.name(text))
    except RenderRefused:
        return False
