"""Finds whose site is at fault where Nginx refuses the whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath

from deployer.errors import ProxyError
from deployer.proxies.isolating import Plan, Version
from deployer.proxies.taking import EMERGENCY

Attempt = Callable[[], ProxyError | None]
"""Tries the plan as it is settled; why it was refused, None where it was not."""

_FILE = re.compile(r" in (\S+):([0-9]+)$")


def place(error: ProxyError) -> tuple[str, int] | None:
    """The file of a generation and the line that Nginx's words name, if they do."""
    said = EMERGENCY.findall(error.detail)
    match = _FILE.search(said[-1]) if said else None
    return (match[1], int(match[2])) if match else None


def find(plan: Plan, error: ProxyError, attempt: Attempt, *, changed_only: bool = False) -> bool:
    """Blame at least one site for this error of the plan as settled; False: it is no site's.

    Whom Nginx names is believed; else those that changed are tried apart, and where these do not
    explain it all are, unless `changed_only`.
    """
    changed = plan.changed()
    if _blame_named(plan, error, changed or plan.served()):
        return True
    if changed:
        floors = {app: plan.below(app) for app in changed}
        plan.settle(floors)
        without = attempt()
        if without is None:
            _admit(plan, changed, floors, attempt, error)
            return True
        if not changed_only and _blame_named(plan, without, plan.served()):
            return True
    return not changed_only and _find_among_all(plan, error, attempt)


def _find_among_all(plan: Plan, error: ProxyError, attempt: Attempt) -> bool:
    plan.settle()
    everything = [app for app in plan.served() if plan.at[app] < Version.CLOSED]
    floors = dict.fromkeys(everything, Version.CLOSED)
    plan.settle(floors)
    if not everything or attempt() is not None:
        return False
    _admit(plan, everything, floors, attempt, error)
    return True


def _blame_named(plan: Plan, error: ProxyError, among: Sequence[str]) -> bool:
    named = place(error)
    app = PurePath(named[0]).stem if named and "/" in named[0] else ""
    if app not in among:
        return False
    plan.reject(app, error)
    return True


def _admit(
    plan: Plan,
    suspects: Sequence[str],
    floors: dict[str, Version],
    attempt: Attempt,
    known: ProxyError | None = None,
) -> None:
    """Let these go back to what they were, by halves; who cannot, beside the others, is blamed.

    `known` is what all of them together are known to get.
    """
    plan.settle({app: version for app, version in floors.items() if app not in suspects})
    error = known or attempt()
    if error is None:
        for app in suspects:
            floors.pop(app)
    elif len(suspects) == 1:
        plan.reject(suspects[0], error)
    else:
        half = len(suspects) // 2
        _admit(plan, suspects[:half], floors, attempt)
        _admit(plan, suspects[half:], floors, attempt)
