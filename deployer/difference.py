"""In what two specs differ, setting by setting, with where each value comes from; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer.settings import FIELDS, Place, Setting, settings
from deployer.spec import Spec

Origins = Mapping[Place, str]
"""Where the settings of an app were written, as `config.yml:12`; defaults are left out."""

DEFAULT = "default"
OTHER_ORDER = "the same, in another order"


class Kind(StrEnum):
    """What became of a setting."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs; None is: not said before, or no more.

    `masked` is whether (also) a secret differs: the value of a variable or a file's content.
    `origin` is where the new value was written, `default` where nowhere, "" of one removed.
    """

    key: str
    kind: Kind
    old: str | None
    new: str | None
    masked: bool = False
    origin: str = ""


def differences(
    old: Spec | None, new: Spec, origins: Origins, public: Sequence[str] = ()
) -> list[Change]:
    """All in which `new` differs from `old`; without an old one, from what nobody has written.

    No secret of either spec stands in a text, unless it is part of a `public` word.
    """

    def masked(text: str) -> str:
        said = new.masked(text, public)
        return old.masked(said, public) if old else said

    before = old or Spec()
    found: list[Change] = []
    for name in FIELDS:
        if getattr(before, name) != getattr(new, name):
            changes = list(_changes(settings(before, name), settings(new, name), origins, masked))
            reordered = Change(
                name, Kind.CHANGED, None, OTHER_ORDER, origin=_origin((name, ""), origins)
            )
            found += changes or [reordered]
    return found if old else [_first(one) for one in found if one.new is not None or one.masked]


def _first(one: Change) -> Change:
    """Where nothing ran before, nothing was changed."""
    return Change(one.key, Kind.ADDED, None, one.new, one.masked, one.origin)


def _changes(
    before: list[Setting], after: list[Setting], origins: Origins, masked: Callable[[str], str]
) -> Iterator[Change]:
    known = {(one.key, one.item): one for one in before}
    for one in after:
        was = known.pop((one.key, one.item), None)
        origin = _origin(one.place, origins)
        if was is None:
            shown = masked(one.text) or None
            yield Change(one.key, Kind.ADDED, None, shown, bool(one.hidden), origin)
        elif (was.text, was.hidden) != (one.text, one.hidden):
            shown, secret = masked(one.text) or None, was.hidden != one.hidden
            yield Change(one.key, Kind.CHANGED, masked(was.text) or None, shown, secret, origin)
    for gone in known.values():
        yield Change(gone.key, Kind.REMOVED, masked(gone.text) or None, None, bool(gone.hidden))


def _origin(place: Place, origins: Origins) -> str:
    return origins.get(place) or origins.get((place[0], "")) or DEFAULT
