"""Tells the problems of config.yml in which line of a Compose file an app's keys were written."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.config.composefile.document import ComposeDocument
from deployer.config.problems import Key, Problems


def place_keys(
    app: str,
    service: str,
    keys: Mapping[str, object],
    moved: Mapping[Key, Key | None],
    document: ComposeDocument,
    problems: Problems,
) -> None:
    """Place each of the `keys` that the app takes from the service, and all below them.

    `moved` says which key of the app a key of the service became, None for one left out.
    """
    root, target = ("services", service), ("apps", app)
    written = [key for key in document.places.where if key[:2] == root and len(key) > 2]
    for key in written:
        below = _moved(key[2:], moved)
        if below and below[0] in keys and not _is_own(app, below, problems):
            problems.where[(*target, *below)] = document.place(key)
    for name in keys:
        # The tag of an image, and the network of a service that names none.
        source = "image" if name == "tags" else name
        if not _is_own(app, (name,), problems):
            problems.where.setdefault((*target, name), document.place((*root, source)))
    for wrong in document.wrong:
        if wrong[:2] == root:
            problems.mark((*target, *wrong[2:]))


def _moved(below: Key, moved: Mapping[Key, Key | None]) -> Key | None:
    for end in (1, 2):
        if below[:end] in moved:
            new = moved[below[:end]]
            return None if new is None else (*new, *below[end:])
    return below


def _is_own(app: str, below: Key, problems: Problems) -> bool:
    """Whether config.yml says this key of the app; of `deploy`, what is in it counts."""
    size = 2 if below[0] == "deploy" and len(below) > 1 else 1
    return isinstance(problems.where.get(("apps", app, *below[:size])), int)
